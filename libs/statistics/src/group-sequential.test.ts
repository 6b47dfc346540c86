import { describe, expect, it } from "vitest";
import { crossingProbability, obrienFlemingBoundaries, spendingBoundaries } from "./group-sequential.ts";

const FIVE = [0.2, 0.4, 0.6, 0.8, 1];
const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(3)));

describe("group-sequential boundaries", () => {
  it("are those published for five looks at a two-sided 5 %", () => {
    expect(rounded(spendingBoundaries(FIVE))).toEqual([4.877, 3.357, 2.68, 2.29, 2.031]);
    expect(rounded(obrienFlemingBoundaries(FIVE))).toEqual([4.562, 3.226, 2.634, 2.281, 2.04]);
  });

  it("spend exactly alpha, evenly spaced or not", () => {
    for (const shares of [[1], [0.5, 1], [0.1, 0.15, 0.7, 1]]) {
      expect(crossingProbability(shares, spendingBoundaries(shares, 0.01))).toBeCloseTo(0.01, 8);
    }
  });

  it("do not depend on looks that are still to come", () => {
    expect(spendingBoundaries([0.3, 0.9, 1]).slice(0, 2)).toEqual(spendingBoundaries([0.3, 0.9]));
  });

  it("know how often five looks at 1.96 raise a false alarm", () => {
    // Armitage, McPherson, Rowe 1969, table 2: 0.142.
    expect(
      crossingProbability(
        FIVE,
        FIVE.map(() => 1.96),
      ),
    ).toBeCloseTo(0.142, 3);
  });

  it("refuse shares that do not rise", () => {
    expect(() => spendingBoundaries([0.5, 0.5])).toThrow("rise up to 1");
    expect(() => spendingBoundaries([0.5, 1.1])).toThrow("rise up to 1");
  });
});
