import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { LruPolicy } from "../policy/lru.ts";
import { sampleFacts } from "../test-data.ts";
import { EntryIndex } from "./entry-index.ts";

function createIndex(options: { capacityBytes?: number; maxEntries?: number } = {}): EntryIndex {
  const { capacityBytes = 1000, maxEntries = 100 } = options;
  return new EntryIndex({ capacityBytes, maxEntries, policy: new LruPolicy() });
}

describe("EntryIndex", () => {
  it("refuses what takes more than 5 % of the capacity", () => {
    const index = createIndex();
    expect(index.admits(50)).toBe(true);
    expect(index.admits(51)).toBe(false);
  });

  it("fills up to the last byte and not one further", () => {
    const index = createIndex();
    for (let number = 0; number < 20; number += 1) index.add(sampleFacts(`t:${number}`, { bytes: 50 }));
    expect([index.bytes, index.size, index.evictions]).toEqual([1000, 20, 0]);
    const { evicted } = index.add(sampleFacts("t:last", { bytes: 1 }));
    expect(evicted.map((entry) => entry.key)).toEqual(["t:0"]);
    expect([index.bytes, index.size, index.evictions]).toEqual([951, 20, 1]);
    expect(index.get("t:0")).toBeUndefined();
  });

  it("bounds the number of entries as well", () => {
    const index = createIndex({ maxEntries: 3 });
    for (let number = 0; number < 5; number += 1) index.add(sampleFacts(`t:${number}`, { bytes: 1 }));
    expect([index.size, index.bytes, index.evictions]).toEqual([3, 3, 2]);
  });

  it("counts a replaced entry once and keeps its hits", () => {
    const index = createIndex();
    const { entry } = index.add(sampleFacts("t:a", { bytes: 30 }));
    index.used(entry, 5);
    const again = index.add(sampleFacts("t:a", { bytes: 40 }));
    expect([index.size, index.bytes, again.evicted.length, again.entry.hits]).toEqual([1, 40, 0, 1]);
    expect(index.remove(entry)).toBe(false);
    expect(index.get("t:a")).toBe(again.entry);
  });

  it("keeps the entry that was used over the one that was not", () => {
    const index = createIndex({ capacityBytes: 5000, maxEntries: 2 });
    const { entry } = index.add(sampleFacts("t:a"));
    index.add(sampleFacts("t:b"));
    index.used(entry, 7);
    index.add(sampleFacts("t:c"));
    expect([index.get("t:a")?.lastUsedMs, index.get("t:b")]).toEqual([7, undefined]);
  });

  it("does not count a hit for an entry that has left", () => {
    const index = createIndex({ capacityBytes: 5000 });
    const { entry } = index.add(sampleFacts("t:a"));
    index.remove(entry);
    expect(index.used(entry, 9)).toBe(false);
    expect([index.size, index.bytes]).toEqual([0, 0]);
  });

  it.each([1, 2, 3])("never exceeds its bounds and always knows its exact size, seed %i", (seed) => {
    const random = seededRandom(seed);
    const index = createIndex({ capacityBytes: 2000, maxEntries: 60 });
    const model = new Map<string, number>();
    for (let step = 0; step < 3000; step += 1) {
      const key = `t:${Math.floor(random() * 150)}`;
      const entry = index.get(key);
      if (entry !== undefined && random() < 0.2) {
        index.remove(entry);
        model.delete(key);
        continue;
      }
      const bytes = 1 + Math.floor(random() * 100);
      for (const victim of index.add(sampleFacts(key, { bytes })).evicted) model.delete(victim.key);
      model.set(key, bytes);
      expect(index.bytes).toBeLessThanOrEqual(2000);
      expect(index.size).toBeLessThanOrEqual(60);
    }
    expect(index.size).toBe(model.size);
    expect(index.bytes).toBe([...model.values()].reduce((sum, bytes) => sum + bytes, 0));
  });
});
