import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import { policySuite } from "./policy-suite.ts";
import { WTinyLfuPolicy } from "./w-tiny-lfu.ts";

const createPolicy = () => new WTinyLfuPolicy<Entry>({ capacityBytes: 2000, random: seededRandom(1) });

describe("WTinyLfuPolicy", () => {
  policySuite(createPolicy);

  it("keeps what is asked for often through any number of strangers", () => {
    const policy = createPolicy();
    const popular = Array.from({ length: 20 }, (_, number) => new Entry(sampleFacts(`t:popular-${number}`)));
    for (const entry of popular) policy.added(entry);
    for (const entry of popular) for (let use = 0; use < 3; use += 1) policy.used(entry);
    const evicted = new Set<Entry>();
    for (let number = 0; number < 1000; number += 1) {
      const victim = policy.evict();
      if (victim !== undefined) evicted.add(victim);
      policy.added(new Entry(sampleFacts(`t:stranger-${number}`)));
    }
    expect(popular.filter((entry) => evicted.has(entry)).length).toBeLessThanOrEqual(1);
  });
});
