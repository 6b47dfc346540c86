import { describe, expect, it } from "vitest";
import { normalQuantile, quantile, quantileInterval, seededRandom, wilsonInterval } from "./index.ts";

describe("quantile", () => {
  it("interpolates as numpy does", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4], 0.95)).toBeCloseTo(3.85, 12);
    expect(quantile([7], 0.99)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("normalQuantile", () => {
  it("equals the tabulated values in the body and in both tails", () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 7);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167813, 7);
    expect(normalQuantile(0.999)).toBeCloseTo(3.090232306167813, 7);
  });
});

describe("wilsonInterval", () => {
  it("equals statsmodels proportion_confint(method='wilson')", () => {
    const { low, high } = wilsonInterval(95, 100);
    expect(low).toBeCloseTo(0.8882495308, 8);
    expect(high).toBeCloseTo(0.9784563208, 8);
  });
  it("stays inside 0 and 1 and knows nothing at n = 0", () => {
    expect(wilsonInterval(0, 5).low).toBe(0);
    expect(wilsonInterval(5, 5).high).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1, level: 0.95 });
  });
});

describe("quantileInterval", () => {
  it("covers the true median in about 95 of 100 samples", () => {
    const random = seededRandom(11);
    let covered = 0;
    for (let run = 0; run < 2000; run++) {
      const sample = Array.from({ length: 60 }, random).sort((a, b) => a - b);
      const interval = quantileInterval(sample, 0.5);
      if (interval && interval.low <= 0.5 && interval.high >= 0.5) covered += 1;
    }
    expect(covered / 2000).toBeGreaterThan(0.93);
    expect(covered / 2000).toBeLessThan(0.98);
  });
  it("is undefined where the sample can not bracket the quantile", () => {
    expect(quantileInterval([1, 2, 3], 0.99)).toBeUndefined();
  });
});
