import { describe, expect, it } from "vitest";
import { sampleFacts } from "../test-data.ts";
import { expectedHitRate, worthOf } from "./worth.ts";
import { bucketOf, WorthHistogram } from "./worth-histogram.ts";

const HOUR = 3_600_000;
const nowMs = 1_700_000_000_000 + 10 * HOUR;
const totals = { hits: 100, ageMs: 100 * HOUR };

function rateOf(change: Parameters<typeof sampleFacts>[1]) {
  return expectedHitRate(sampleFacts("t:1", change), totals, nowMs) * HOUR;
}

describe("expectedHitRate", () => {
  it("of an entry that was just used is its own rate, drawn towards the mean of all by half a hit", () => {
    // 20 hits in 10 h, and half a hit in the half hour that the mean entry takes for it.
    expect(rateOf({ hits: 20, lastUsedMs: nowMs })).toBeCloseTo(20.5 / 10.5, 10);
    expect(rateOf({ hits: 0, storedAtMs: nowMs, lastUsedMs: nowMs })).toBeCloseTo(1, 10);
  });

  it("halves with each hour without a use, and orders what was never served by its age", () => {
    expect(rateOf({ hits: 20, lastUsedMs: nowMs - 2 * HOUR }) * 4).toBeCloseTo(
      rateOf({ hits: 20, lastUsedMs: nowMs }),
      10,
    );
    const young = rateOf({ storedAtMs: nowMs - HOUR, lastUsedMs: nowMs - HOUR });
    expect(rateOf({})).toBeLessThan(young);
  });

  it("is above nothing also where nothing was ever hit, or a clock went back", () => {
    expect(expectedHitRate(sampleFacts("t:1"), { hits: 0, ageMs: 0 }, nowMs)).toBeGreaterThan(0);
    expect(rateOf({ storedAtMs: nowMs + HOUR, lastUsedMs: nowMs + HOUR })).toBeGreaterThan(0);
  });
});

describe("worthOf", () => {
  it("grows with the time a hit saves and falls with the room it takes", () => {
    const worth = (change: Parameters<typeof sampleFacts>[1]) => worthOf(sampleFacts("t:1", change), 1);
    expect(worth({ ttftMs: 100, tokens: 50, bytes: 10 })).toBe((100 + 18 * 50) / 10);
    expect(worth({ bytes: 1000 })).toBeLessThan(worth({ bytes: 10 }));
  });
});

describe("WorthHistogram", () => {
  it("keeps the order of worths that differ by 3 %, over all that is possible", () => {
    for (let worth = 1e-15; worth < 1e15; worth *= 1.03)
      expect(bucketOf(worth * 1.03)).toBeGreaterThan(bucketOf(worth));
    expect([bucketOf(0), bucketOf(-1), bucketOf(Number.NaN)]).toEqual([0, 0, 0]);
    expect(bucketOf(Number.POSITIVE_INFINITY)).toBeLessThan(4096);
  });

  it("cuts off the least worth of so many bytes", () => {
    const histogram = new WorthHistogram();
    for (const [worth, bytes] of [
      [1, 100],
      [2, 100],
      [4, 100],
      [8, 100],
    ] as const)
      histogram.add(bucketOf(worth), bytes);
    expect(histogram.lowest(0)).toEqual({ bucket: 0, bytesOfBucket: 0 });
    expect(histogram.lowest(150)).toEqual({ bucket: bucketOf(2), bytesOfBucket: 50 });
    expect(histogram.lowest(1e9)).toEqual({ bucket: bucketOf(8), bytesOfBucket: 100 });
  });
});
