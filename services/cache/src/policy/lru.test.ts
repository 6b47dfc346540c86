import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import { LruPolicy } from "./lru.ts";
import { policySuite } from "./policy-suite.ts";

describe("LruPolicy", () => {
  policySuite(() => new LruPolicy());

  it("evicts in the order of last use", () => {
    const policy = new LruPolicy();
    const [a, b, c, d] = ["t:a", "t:b", "t:c", "t:d"].map((key) => new Entry(sampleFacts(key))) as [
      Entry,
      Entry,
      Entry,
      Entry,
    ];
    for (const entry of [a, b, c, d]) policy.added(entry);
    policy.used(b);
    policy.used(d);
    policy.used(a);
    policy.removed(d);
    expect([policy.evict(), policy.evict(), policy.evict(), policy.evict()]).toEqual([c, b, a, undefined]);
  });
});
