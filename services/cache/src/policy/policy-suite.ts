// What every eviction policy must do, whatever its order: nothing twice, nothing forgotten, nothing that left.
import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import type { Policy } from "./policy.ts";

export function policySuite(createPolicy: () => Policy<Entry>): void {
  describe("as any policy", () => {
    it("has no victim while nothing is resident", () => {
      expect(createPolicy().evict()).toBeUndefined();
    });

    it("evicts each resident entry exactly once", () => {
      const policy = createPolicy();
      const entries = Array.from({ length: 20 }, (_, number) => new Entry(sampleFacts(`t:${number}`)));
      for (const entry of entries) policy.added(entry);
      const victims = entries.map(() => policy.evict());
      expect(new Set(victims)).toEqual(new Set(entries));
      expect(policy.evict()).toBeUndefined();
    });

    it("takes back what it evicted", () => {
      const policy = createPolicy();
      const [a, b] = [new Entry(sampleFacts("t:a")), new Entry(sampleFacts("t:b"))];
      for (const entry of [a, b]) policy.added(entry);
      const victim = policy.evict();
      policy.added(victim ?? a);
      policy.removed(a);
      expect([policy.evict(), policy.evict()]).toEqual([b, undefined]);
    });

    it.each([1, 2, 3, 4, 5])("agrees with a set of residents over random steps, seed %i", (seed) => {
      randomSteps(createPolicy(), seededRandom(seed));
    });
  });
}

function randomSteps(policy: Policy<Entry>, random: Random): void {
  const resident = new Map<string, Entry>();
  const pick = () => [...resident.values()][Math.floor(random() * resident.size)];
  for (let step = 0; step < 2000; step += 1) {
    const choice = random();
    const entry = pick();
    if (choice < 0.4 || entry === undefined) {
      const added = new Entry(sampleFacts(`t:${step}`, { bytes: 1 + Math.floor(random() * 500) }));
      resident.set(added.key, added);
      policy.added(added);
    } else if (choice < 0.7) policy.used(entry);
    else if (choice < 0.8) {
      resident.delete(entry.key);
      policy.removed(entry);
    } else {
      const victim = policy.evict();
      // A victim twice, or one that left, would be no resident.
      expect(victim && resident.get(victim.key)).toBe(victim);
      resident.delete(victim?.key ?? "");
    }
  }
  for (let left = resident.size; left > 0; left -= 1) resident.delete(policy.evict()?.key ?? "");
  expect(resident.size).toBe(0);
  expect(policy.evict()).toBeUndefined();
}
