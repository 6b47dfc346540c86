import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { binomial } from "./binomial.ts";

describe("binomial", () => {
  it.each([
    [10, 0.3],
    [40, 0.97],
    [5000, 0.002],
    [100_000, 0.4],
  ])("has the mean and variance of n = %i, p = %f", (n, p) => {
    const random = seededRandom(5);
    const draws = Array.from({ length: 20_000 }, () => binomial(n, p, random));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    const expected = n * p * (1 - p);
    expect(Math.abs(mean - n * p)).toBeLessThan(5 * Math.sqrt(expected / draws.length));
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.06);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThanOrEqual(n);
  });

  it("has nothing to draw where the outcome is certain", () => {
    const random = seededRandom(6);
    expect([binomial(0, 0.5, random), binomial(7, 0, random), binomial(7, 1, random)]).toEqual([0, 0, 7]);
  });
});
