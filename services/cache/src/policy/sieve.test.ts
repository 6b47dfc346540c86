import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import { policySuite } from "./policy-suite.ts";
import { SievePolicy } from "./sieve.ts";

describe("SievePolicy", () => {
  policySuite(() => new SievePolicy());

  it("spares what was used since the hand passed, and goes on where it stopped", () => {
    const policy = new SievePolicy<Entry>();
    const add = (name: string) => {
      const entry = new Entry(sampleFacts(`t:${name}`));
      policy.added(entry);
      return entry;
    };
    const evict = () => policy.evict()?.key.slice(2);
    const [a, , c] = [add("a"), add("b"), add("c"), add("d")];
    policy.used(a as Entry);
    policy.used(c as Entry);
    // The hand took the marks of a and c on its way. It stood at the newest, so it begins anew with the oldest.
    expect([evict(), evict()]).toEqual(["b", "d"]);
    add("e");
    expect([evict(), evict(), evict(), evict()]).toEqual(["a", "c", "e", undefined]);
  });
});
