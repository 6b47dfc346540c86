import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import { OptimumPolicy } from "./optimum.ts";
import { policySuite } from "./policy-suite.ts";

describe("OptimumPolicy", () => {
  policySuite(() => new OptimumPolicy(({ key }) => key.length));

  it("evicts what is asked for latest, by what is known since its last use", () => {
    const nextUses = new Map([
      ["t:a", 5],
      ["t:b", 9],
      ["t:c", Number.POSITIVE_INFINITY],
      ["t:d", 7],
    ]);
    const policy = new OptimumPolicy<Entry>(({ key }) => nextUses.get(key) ?? 0);
    const entries = [...nextUses.keys()].map((key) => new Entry(sampleFacts(key)));
    for (const entry of entries) policy.added(entry);
    nextUses.set("t:a", 8);
    policy.used(entries[0] as Entry);
    expect(entries.map(() => policy.evict()?.key)).toEqual(["t:c", "t:b", "t:a", "t:d"]);
  });
});
