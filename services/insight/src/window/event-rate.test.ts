import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { averageRps, peakRps, rateOverTime } from "./event-rate.ts";

function randomArrivals(seed: number, n: number, spanMs: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: n }, () => Math.floor(random() * spanMs)).sort();
}

describe("averageRps", () => {
  it("divides arrivals by the whole window, quiet stretches included", () => {
    expect(averageRps(30, { fromMs: 0, toMs: 60_000 })).toBe(0.5);
  });

  it("has no value without arrivals or without a window", () => {
    expect(averageRps(0, { fromMs: 0, toMs: 60_000 })).toBeUndefined();
    expect(averageRps(3, { fromMs: 5, toMs: 5 })).toBeUndefined();
  });
});

describe("peakRps", () => {
  const window = { fromMs: 0, toMs: 90_000 };

  it.each([1, 10, 60])("finds the busiest %i s wherever it starts", (spanS) => {
    for (const seed of [1, 2, 3, 4]) {
      const arrivals = randomArrivals(seed, 400, 90_000);
      let most = 0;
      for (let startMs = 0; startMs < 90_000; startMs += 1) {
        // Every arrival, and a good share of the moments between them.
        if (startMs % 97 !== 0 && !arrivals.includes(startMs)) continue;
        most = Math.max(most, arrivals.filter((at) => at >= startMs && at < startMs + spanS * 1000).length);
      }
      expect(peakRps(arrivals, spanS, window)).toBe(most / spanS);
    }
  });

  it("does not count an arrival exactly one span later", () => {
    expect(peakRps(Float64Array.of(0, 1000), 1, window)).toBe(1);
    expect(peakRps(Float64Array.of(0, 999), 1, window)).toBe(2);
  });

  it("claims no peak over more than the window", () => {
    expect(peakRps(Float64Array.of(1, 2), 10, { fromMs: 0, toMs: 9_999 })).toBeUndefined();
  });
});

describe("rateOverTime", () => {
  it("loses no arrival and stays within its number of intervals", () => {
    for (const [n, spanMs] of [
      [50, 500],
      [900, 77_700],
      [5000, 3_600_000],
    ] as const) {
      const window = { fromMs: 0, toMs: spanMs };
      const bins = rateOverTime(randomArrivals(9, n, spanMs + 1), window);
      const binS = spanMs / 1000 / bins.length;
      expect(bins.length).toBeLessThanOrEqual(120);
      expect(Math.round(bins.reduce((sum, bin) => sum + bin.rps * binS, 0))).toBe(n);
    }
  });
});
