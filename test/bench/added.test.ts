import { describe, expect, it } from "vitest";
import { addedRatioResult, addedResult } from "./added.ts";

const around = (ms: number) => [ms - 1, ms, ms + 1];

describe("what a hop adds", () => {
  const rounds = [30, 31, 32].map((ms) => ({ through: around(ms), direct: around(21) }));

  it("is the difference of the percentiles, with an interval that holds it", () => {
    const { value, n, interval } = addedResult({ id: "x", rounds, percent: 50, method: "" });
    expect(value).toBe(10);
    expect(n).toBe(9);
    expect(interval?.low).toBeGreaterThanOrEqual(9);
    expect(interval?.high).toBeLessThanOrEqual(11);
  });

  it("is unknown where nothing arrived", () => {
    const nothing = addedResult({ id: "x", rounds: [{ through: [], direct: [] }], percent: 50, method: "" });
    expect(nothing).toMatchObject({ value: null, n: 0, interval: null });
  });

  it("compares with what another adds", () => {
    const both = [1, 2, 3].map(() => ({ ours: around(23), theirs: around(51), direct: around(21) }));
    const { value, interval } = addedRatioResult({ id: "x", rounds: both, percent: 50, method: "" });
    expect(value).toBeCloseTo(2 / 30, 10);
    expect(interval).toMatchObject({ low: value, high: value });
  });
});
