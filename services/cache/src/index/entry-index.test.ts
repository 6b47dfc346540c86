import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { LruPolicy } from "../policy/lru.ts";
import { createPolicy, POLICY_NAMES } from "../policy/policies.ts";
import { sampleFacts } from "../test-data.ts";
import type { Entry } from "./entry.ts";
import { EntryIndex } from "./entry-index.ts";
import { parseTenantQuotas } from "./tenant-quotas.ts";

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

  it.each(POLICY_NAMES.flatMap((name) => [1, 2].map((seed) => [name, seed] as const)))(
    "with %s never exceeds its bounds and always knows its exact size, seed %i",
    (name, seed) => {
      const random = seededRandom(seed);
      const policy = createPolicy<Entry>(name, { capacityBytes: 2000, random });
      const quotas = parseTenantQuotas('{"*":{"share":0.3},"b":{"bytes":100}}');
      const index = new EntryIndex({ capacityBytes: 2000, maxEntries: 60, policy, quotas, random });
      const model = new Map<string, number>();
      for (let step = 0; step < 3000; step += 1) {
        const key = `${"abcd".charAt(Math.floor(random() ** 2 * 4))}:${Math.floor(random() * 50)}`;
        const entry = index.get(key);
        if (entry !== undefined && random() < 0.4) {
          if (random() < 0.5) index.used(entry, step);
          else if (index.remove(entry)) model.delete(key);
          continue;
        }
        const bytes = 1 + Math.floor(random() * 100);
        for (const victim of index.add(sampleFacts(key, { bytes })).evicted) {
          expect(model.delete(victim.key)).toBe(true);
        }
        model.set(key, bytes);
        expect(index.bytes).toBeLessThanOrEqual(2000);
        expect(index.size).toBeLessThanOrEqual(60);
      }
      expect(new Map(Array.from(index.entries(), (entry) => [entry.key, entry.bytes]))).toEqual(model);
      expect(index.bytes).toBe(sum([...model.values()]));
      expect(sum(index.tenants().map((tenant) => tenant.bytes))).toBe(index.bytes);
      expect(sum(index.tenants().map((tenant) => tenant.entries))).toBe(index.size);
    },
  );
});

describe("signs of a cache that is too small", () => {
  it("tells how long the evicted were not used, and whether they ever were", () => {
    const index = createIndex({ maxEntries: 2 });
    const { entry } = index.add(sampleFacts("t:used", { bytes: 7, storedAtMs: 1000, lastUsedMs: 1000 }));
    index.used(entry, 3000);
    index.add(sampleFacts("t:never", { storedAtMs: 4000, lastUsedMs: 4000, bytes: 9 }));
    index.add(sampleFacts("t:c", { storedAtMs: 5000, bytes: 10 }));
    index.add(sampleFacts("t:d", { storedAtMs: 6000, bytes: 10 }));
    expect(index.recentEvictions()).toEqual([
      { ageMs: 2000, hits: 1, bytes: 7, tenant: "t" },
      { ageMs: 2000, hits: 0, bytes: 9, tenant: "t" },
    ]);
  });

  it("keeps the last 4096 of them", () => {
    const index = createIndex({ maxEntries: 1 });
    for (let number = 0; number < 5000; number += 1)
      index.add(sampleFacts(`t:${number}`, { bytes: (number % 50) + 1 }));
    const recent = index.recentEvictions();
    expect([recent.length, recent[0]?.bytes, recent.at(-1)?.bytes]).toEqual([4096, (903 % 50) + 1, (4998 % 50) + 1]);
    expect(index.evictions).toBe(4999);
  });

  it("counts misses for what was evicted, until it is stored again; not for what was removed or never there", () => {
    const index = createIndex({ maxEntries: 1 });
    const { entry } = index.add(sampleFacts("t:removed", { bytes: 10 }));
    index.remove(entry);
    index.add(sampleFacts("t:evicted", { bytes: 10 }));
    index.add(sampleFacts("t:b", { bytes: 10 }));
    expect(["t:removed", "t:evicted", "t:never", "t:evicted"].map((key) => index.noteMiss(key))).toEqual([
      false,
      true,
      false,
      true,
    ]);
    index.add(sampleFacts("t:evicted", { bytes: 10 }));
    index.remove(index.get("t:evicted") ?? entry);
    expect([index.noteMiss("t:evicted"), index.ghostHits]).toEqual([false, 2]);
  });
});

describe("quotas of tenants", () => {
  function createShared(quotas: string, maxEntries = 1000) {
    const index = new EntryIndex({
      capacityBytes: 10_000,
      maxEntries,
      policy: createPolicy("s3-fifo", { capacityBytes: 10_000, random: seededRandom(1) }),
      quotas: parseTenantQuotas(quotas),
      random: seededRandom(2),
    });
    let nowMs = 0;
    const add = (tenant: string, times: number, bytes = 100) => {
      for (let time = 0; time < times; time += 1) {
        nowMs += 1;
        index.add(sampleFacts(`${tenant}:${nowMs}`, { bytes, storedAtMs: nowMs }));
      }
    };
    const held = () => Object.fromEntries(index.tenants().map(({ tenant, bytes }) => [tenant, bytes]));
    return { index, add, held };
  }

  it("let a tenant have all that nobody else wants", () => {
    const { index, add, held } = createShared("{}");
    add("big", 300);
    expect(held()).toEqual({ big: 10_000 });
    expect(index.tenants()).toEqual([{ tenant: "big", entries: 100, bytes: 10_000, quotaBytes: 5000 }]);
  });

  it("give others room at the cost of those above their quota, and nobody else", () => {
    const { add, held } = createShared("{}");
    add("small", 20);
    add("big", 500);
    expect(held()).toEqual({ small: 2000, big: 8000 });
    add("other", 20);
    expect(held()).toEqual({ small: 2000, big: 6000, other: 2000 });
    add("big", 500);
    expect(held()).toEqual({ small: 2000, big: 6000, other: 2000 });
  });

  it("hold for a share of the entries as well: tiny answers can not push others out", () => {
    const { index, add } = createShared("{}", 100);
    add("small", 20, 100);
    add("flood", 1000, 1);
    expect(index.tenants().map(({ tenant, entries }) => [tenant, entries])).toEqual([
      ["small", 20],
      ["flood", 80],
    ]);
  });

  it("may be set for one tenant in bytes, and lifted for another", () => {
    const { index, add, held } = createShared('{"*":{"share":1},"capped":{"bytes":1000}}');
    add("capped", 50);
    add("free", 85);
    expect(held()).toEqual({ capped: 1500, free: 8500 });
    add("free", 5);
    expect(held()).toEqual({ capped: 1000, free: 9000 });
    expect(index.tenants().map(({ tenant, quotaBytes }) => [tenant, quotaBytes])).toEqual([
      ["capped", 1000],
      ["free", undefined],
    ]);
  });

  it("keep what others have through a flood of answers that look popular", () => {
    const { index, add, held } = createShared("{}");
    add("small", 40);
    const kept = Array.from(index.entries(), ({ key }) => key);
    for (let round = 0; round < 1000; round += 1) {
      const { entry } = index.add(sampleFacts(`flood:${round}`, { storedAtMs: 100 + round }));
      for (let use = 0; use < 3; use += 1) index.used(entry, 100 + round);
    }
    expect(held()).toEqual({ small: 4000, flood: 6000 });
    expect(kept.filter((key) => index.get(key) === undefined)).toEqual([]);
  });

  it("keep what a tenant above its quota asks for most", () => {
    const { index, add } = createShared("{}");
    add("small", 30);
    const { entry } = index.add(sampleFacts("big:popular", { storedAtMs: 31 }));
    for (let use = 0; use < 1000; use += 1) index.used(entry, 100 + use);
    add("big", 2000);
    expect(index.get("big:popular")).toBe(entry);
  });
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
