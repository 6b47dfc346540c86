import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Entry } from "../index/entry.ts";
import { EntryIndex } from "../index/entry-index.ts";
import { sampleFacts } from "../test-data.ts";
import { createPolicy, POLICY_NAMES } from "./policies.ts";
import { SimulatedCache } from "./simulated-cache.ts";

describe("SimulatedCache", () => {
  it.each(POLICY_NAMES)("keeps with %s exactly what the index keeps", (name) => {
    const bounds = { capacityBytes: 5000, maxEntries: 70 };
    const policy = () => createPolicy<Entry>(name, { ...bounds, random: seededRandom(3) });
    const index = new EntryIndex({ ...bounds, policy: policy() });
    const simulated = new SimulatedCache({
      ...bounds,
      maxEntryBytes: index.maxEntryBytes,
      policy: createPolicy(name, { ...bounds, random: seededRandom(3) }),
    });
    const random = seededRandom(5);
    for (let step = 0; step < 5000; step += 1) {
      const number = Math.floor(random() ** 3 * 400);
      const key = `t:${number}`;
      const bytes = 1 + ((number * 37) % 300);
      const entry = index.get(key);
      expect(simulated.lookup(key)).toBe(entry !== undefined);
      if (entry !== undefined) index.used(entry, step);
      else if (index.admits(bytes)) index.add(sampleFacts(key, { bytes }));
      simulated.store(key, bytes);
    }
    expect([simulated.size, simulated.bytes]).toEqual([index.size, index.bytes]);
  });
});
