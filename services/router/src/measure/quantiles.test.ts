import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { quantilesOf } from "./quantiles.ts";

const reference = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: values.length,
    p50Ms: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    p99Ms: quantile(sorted, 0.99),
  };
};

describe("quantilesOf", () => {
  it("equals sorting and interpolating, for any size and any ties", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 300; round++) {
      const n = 1 + Math.floor(random() * (round % 3 === 0 ? 5 : 400));
      const steps = round % 4 === 0 ? 3 : 1e6;
      const values = Array.from({ length: n }, () => Math.floor(random() * steps) / 7);
      expect(quantilesOf(Float64Array.from(values))).toEqual(reference(values));
    }
  });

  it.each([
    ["ascending", (i: number) => i],
    ["descending", (i: number) => -i],
    ["all alike", () => 5],
    ["up and down", (i: number) => Math.min(i, 5000 - i)],
  ])("takes values that are %s", (_, at) => {
    const values = Array.from({ length: 5000 }, (_unused, i) => at(i));
    expect(quantilesOf(Float64Array.from(values))).toEqual(reference(values));
  });

  it("has nothing to say about nothing", () => {
    expect(quantilesOf(new Float64Array())).toEqual({ n: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 });
  });
});
