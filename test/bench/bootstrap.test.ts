import { expect, it } from "vitest";
import { overRounds, overSamples } from "./bootstrap.ts";
import { sum } from "./figures.ts";

const mean = (values: readonly number[]) => sum(values) / values.length;
const sample = Array.from({ length: 100 }, (_, i) => i);

it("brackets a mean about as widely as its standard error says", () => {
  const interval = overRounds(sample, mean);
  // Standard deviation 28.9, so the half width is 1.96 * 2.89.
  expect(interval?.low).toBeCloseTo(49.5 - 5.7, -0.5);
  expect(interval?.high).toBeCloseTo(49.5 + 5.7, -0.5);
});

it("draws two samples apart", () => {
  const difference = (left: readonly number[], right: readonly number[]) => mean(left) - mean(right);
  const interval = overSamples({ left: sample, right: sample.map((value) => value - 20) }, difference);
  expect(interval?.low).toBeLessThan(20);
  expect(interval?.low).toBeGreaterThan(8);
  expect(interval?.high).toBeGreaterThan(20);
});

it("says nothing about two observations", () => {
  expect(overRounds([1, 2], mean)).toBeNull();
  expect(overSamples({ left: sample, right: [1, 2] }, mean)).toBeNull();
});
