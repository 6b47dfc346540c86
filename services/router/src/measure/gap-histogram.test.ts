import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { bucketOf, GapHistogram, RELATIVE_ERROR, sliceOf } from "./gap-histogram.ts";

/** Adds `gaps` evenly over `spanMs` and returns the histogram with the time of its end. */
function filled(gaps: readonly number[], spanMs: number): { histogram: GapHistogram; endMs: number } {
  const histogram = new GapHistogram();
  for (const [index, gapMs] of gaps.entries()) {
    histogram.add(bucketOf(gapMs), 1, sliceOf(1e6 + (index * spanMs) / gaps.length));
  }
  return { histogram, endMs: 1e6 + spanMs };
}

function expectClose(found: number, exact: number): void {
  expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * RELATIVE_ERROR * 1.000001);
}

describe("GapHistogram", () => {
  it.each([
    ["a tight distribution", (random: () => number) => 11 + random()],
    ["seven decades", (random: () => number) => 10 ** (-2 + 7 * random())],
    ["mostly one value, with a tail", (random: () => number) => (random() < 0.93 ? 8 : 40 + 900 * random())],
  ])("is within its relative error of the exact percentiles for %s", (_, draw) => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const gaps = Array.from({ length: 20_000 }, () => draw(random));
      const { histogram, endMs } = filled(gaps, 30_000);
      const sorted = [...gaps].sort((a, b) => a - b);
      const found = histogram.quantiles(sliceOf(endMs));
      expect(found.n).toBe(20_000);
      expectClose(found.p50Ms, quantile(sorted, 0.5));
      expectClose(found.p95Ms, quantile(sorted, 0.95));
      expectClose(found.p99Ms, quantile(sorted, 0.99));
    }
  });

  it("interpolates between two ranks that lie apart", () => {
    const { histogram, endMs } = filled([10, 20], 1);
    expectClose(histogram.quantiles(sliceOf(endMs)).p50Ms, 15);
  });

  it("takes no gap, a gap below any clock, and one longer than any answer", () => {
    const { histogram, endMs } = filled([0, 0, 0, 1e-9, Number.MAX_VALUE], 1);
    const { n, p50Ms, p99Ms } = histogram.quantiles(sliceOf(endMs));
    expect({ n, p50Ms }).toEqual({ n: 5, p50Ms: 0 });
    expect(p99Ms).toBeGreaterThan(3_000_000);
  });

  it("lets go of what is older than a minute, step by step and after a long silence", () => {
    const histogram = new GapHistogram();
    const counts: number[] = [];
    for (let second = 0; second < 300; second++) {
      histogram.add(bucketOf(5), 10, sliceOf(second * 1000));
      counts.push(histogram.quantiles(sliceOf(second * 1000)).n);
    }
    for (const n of counts.slice(60)) {
      expect(n).toBeGreaterThanOrEqual(55 * 10);
      expect(n).toBeLessThanOrEqual(60 * 10);
    }
    expect(histogram.quantiles(sliceOf(299_000 + 60_000)).n).toBe(0);
    histogram.add(bucketOf(7), 1, sliceOf(1e9));
    expectClose(histogram.quantiles(sliceOf(1e9)).p50Ms, 7);
  });
});
