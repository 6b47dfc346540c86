import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { percentileResults, ratioInterval, ratioOf, shareResult } from "./figures.ts";

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

describe("percentiles", () => {
  it("interpolate between ranks and do not need sorted values", () => {
    const [p50, p95] = percentileResults({ id: "x", values: hundred, percents: [50, 95], unit: "ms", method: "" });
    expect(p50).toMatchObject({ id: "x_p50", value: 50.5, unit: "ms", n: 100 });
    expect(p95?.value).toBeCloseTo(95.05, 9);
    expect(hundred[0]).toBe(100);
  });

  it("carry an interval that brackets the value, and none where the sample is too small for it", () => {
    const results = percentileResults({ id: "x", values: hundred, percents: [50, 99], unit: "ms", method: "" });
    expect(results[0]?.interval?.low).toBeLessThan(50.5);
    expect(results[0]?.interval?.high).toBeGreaterThan(50.5);
    expect(results[1]?.interval).toBeNull();
  });

  it("of nothing are null", () => {
    const [result] = percentileResults({ id: "x", values: [], percents: [50], unit: "ms", method: "" });
    expect(result).toMatchObject({ value: null, n: 0, interval: null });
  });
});

describe("a share", () => {
  it("of nothing is null, of something has a Wilson interval", () => {
    expect(shareResult({ id: "s", count: 0, n: 0, method: "" })).toMatchObject({ value: null, interval: null });
    const { value, interval } = shareResult({ id: "s", count: 5, n: 10, method: "" });
    expect(value).toBe(0.5);
    expect(interval?.low).toBeCloseTo(0.2366, 4);
    expect(interval?.high).toBeCloseTo(0.7634, 4);
  });
});

describe("a cost per request", () => {
  const slices = [10, 20, 30, 40, 50].map((spent) => ({ spent, got: 10 }));

  it("is the sum of what was spent over the sum of what was got, not the mean of ratios", () => {
    expect(
      ratioOf([
        { spent: 10, got: 1 },
        { spent: 10, got: 9 },
      ]),
    ).toBe(2);
    expect(ratioOf([{ spent: 10, got: 0 }])).toBeNull();
  });

  it("has an interval around it that is the same for the same seed", () => {
    const interval = ratioInterval(slices, seededRandom(3));
    expect(interval?.low).toBeGreaterThanOrEqual(1);
    expect(interval?.low).toBeLessThan(3);
    expect(interval?.high).toBeGreaterThan(3);
    expect(interval?.high).toBeLessThanOrEqual(5);
    expect(ratioInterval(slices, seededRandom(3))).toEqual(interval);
  });

  it("has none from fewer than three slices", () => {
    expect(ratioInterval(slices.slice(0, 2))).toBeNull();
  });
});
