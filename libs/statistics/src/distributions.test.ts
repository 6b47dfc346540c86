import { describe, expect, it } from "vitest";
import { binomialCdf, chiSquareTail, tQuantile, tTail } from "./distributions.ts";
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
import { mannWhitney } from "./mann-whitney.ts";
import { mcnemarExact, mcnemarMidP } from "./mcnemar.ts";
import { twoProportions } from "./proportion.ts";

describe("far tails", () => {
  it("of Student's t are found again by their quantiles", () => {
    for (const df of [1, 4, 30, 1999, 100_000]) {
      for (const p of [1e-12, 1e-6, 0.025]) expect(tTail(-tQuantile(p, df), df) / p).toBeCloseTo(1, 9);
    }
  });

  it("of chi-squared are 0 and 1, not errors", () => {
    expect([chiSquareTail(1e6, 3), chiSquareTail(0.001, 2000)]).toEqual([0, 1]);
  });

  it("of the binomial add up", () => {
    expect([binomialCdf(-1, 5, 0.5), binomialCdf(2, 5, 0.5), binomialCdf(5, 5, 0.5)]).toEqual([0, 0.5, 1]);
  });
});

describe("comparisons", () => {
  it("by McNemar need differences: the middle p-value is below the exact one", () => {
    expect(mcnemarExact({ onlyFirst: 0, onlySecond: 0 })).toBe(1);
    expect(mcnemarExact({ onlyFirst: 1, onlySecond: 9 })).toBeCloseTo(22 / 1024, 12);
    expect(mcnemarMidP({ onlyFirst: 1, onlySecond: 9 })).toBeCloseTo(12 / 1024, 12);
  });

  it("of two proportions cover the difference, and reach no further than 1", () => {
    // Newcombe 1998, table II: 56/70 against 48/80 gives 0.0524 to 0.3339.
    const { difference, interval } = twoProportions({ successes: 56, n: 70 }, { successes: 48, n: 80 });
    expect(difference).toBeCloseTo(0.2, 12);
    expect(interval.low).toBeCloseTo(0.0524, 4);
    expect(interval.high).toBeCloseTo(0.3339, 4);
    expect(twoProportions({ successes: 9, n: 9 }, { successes: 0, n: 9 }).interval.high).toBe(1);
  });

  it("of samples too large for the exact test still see a shift", () => {
    const first = Array.from({ length: 10_001 }, (_, i) => i);
    const shifted = first.map((value) => value + 300);
    expect(kolmogorovSmirnov(first, shifted)).toMatchObject({ method: "asymptotic", d: 300 / 10_001 });
    expect(kolmogorovSmirnov(first, shifted).pValue).toBeLessThan(0.001);
    expect(kolmogorovSmirnov(first, first).pValue).toBe(1);
    expect(mannWhitney(first, shifted).pValue).toBeLessThan(0.001);
  });
});
