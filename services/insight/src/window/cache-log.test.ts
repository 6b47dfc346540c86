import { describe, expect, it } from "vitest";
import { CacheLog, type CacheSample, growth } from "./cache-log.ts";

function sample(atMs: number, fields: Partial<CacheSample> = {}): CacheSample {
  const zero = { entries: 0, bytes: 0, capacityBytes: 100, hits: 0, misses: 0, evictions: 0, storeErrors: 0 };
  return { replica: "a", atMs, ...zero, ...fields };
}

describe("growth", () => {
  it("is the difference of the counters", () => {
    const grown = growth([
      sample(1, { hits: 5, misses: 5, entries: 3, evictions: 1, storeErrors: 1 }),
      sample(2, { hits: 9, misses: 12, entries: 7, evictions: 4, storeErrors: 1 }),
    ]);
    expect(grown).toEqual({ lookups: 11, evictions: 3, storeErrors: 0, entries: 4 });
  });

  it("counts from zero after the cache started again", () => {
    const grown = growth([
      sample(1, { hits: 50, misses: 50, entries: 30, evictions: 10 }),
      sample(2, { hits: 1, misses: 3, entries: 3, evictions: 0 }),
      sample(3, { hits: 2, misses: 8, entries: 7, evictions: 2 }),
    ]);
    expect(grown).toMatchObject({ lookups: 10, evictions: 2 });
  });
});

describe("CacheLog", () => {
  it("gives the samples of a window and the one before it", () => {
    const log = new CacheLog();
    for (const atMs of [10, 20, 30, 40]) log.push(sample(atMs));
    const [span] = log.within({ fromMs: 25, toMs: 35 });
    expect(span?.before?.atMs).toBe(20);
    expect(span?.samples.map((one) => one.atMs)).toEqual([30]);
    expect(log.within({ fromMs: 41, toMs: 50 })).toEqual([]);
  });

  it("keeps the newest samples of a bounded number of replicas", () => {
    const log = new CacheLog();
    for (let at = 0; at < 10_000; at += 1) log.push(sample(at));
    const kept = log.within({ fromMs: 0, toMs: 10_000 })[0]?.samples ?? [];
    expect(kept.length).toBeLessThanOrEqual(4096);
    expect(kept.at(-1)?.atMs).toBe(9999);
    for (let index = 0; index < 50; index += 1) log.push(sample(1, { replica: `r${index}` }));
    expect(log.within({ fromMs: 0, toMs: 10_000 }).length).toBe(32);
  });
});
