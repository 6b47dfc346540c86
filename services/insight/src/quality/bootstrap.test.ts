import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { binomial, bootstrapF1 } from "./bootstrap.ts";
import { type Cell, Confusion } from "./confusion.ts";
import { f1Scores } from "./f1.ts";

const cells: readonly Cell[] = [
  { target: "a", predicted: "a", count: 80 },
  { target: "a", predicted: "b", count: 12 },
  { target: "b", predicted: "b", count: 40 },
  { target: "b", predicted: "", count: 8 },
  { target: "c", predicted: "c", count: 9 },
  { target: "c", predicted: "a", count: 6 },
];

/** The bootstrap as the textbook has it: draw n items one by one. */
function itemByItem(seed: number): { low: number; high: number } {
  const random = seededRandom(seed);
  const items = cells.flatMap((cell) => Array.from({ length: cell.count }, () => cell));
  const scores = Float64Array.from({ length: 2000 }, () => {
    const counts = new Map(cells.map((cell) => [cell, 0]));
    for (let draw = 0; draw < items.length; draw += 1) {
      const cell = items[Math.floor(random() * items.length)];
      if (cell !== undefined) counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    return f1Scores(cells.map((cell) => ({ ...cell, count: counts.get(cell) ?? 0 }))).macroF1;
  }).sort();
  return { low: quantile(scores, 0.025), high: quantile(scores, 0.975) };
}

describe("bootstrapF1", () => {
  it("agrees with drawing item by item", () => {
    const { macroF1 } = bootstrapF1(cells, seededRandom(7));
    const expected = itemByItem(8);
    expect(Math.abs(macroF1.low - expected.low)).toBeLessThan(0.015);
    expect(Math.abs(macroF1.high - expected.high)).toBeLessThan(0.015);
  });

  it("covers the true micro F1 about 95 times in 100", () => {
    const random = seededRandom(11);
    let covered = 0;
    for (let repeat = 0; repeat < 200; repeat += 1) {
      const confusion = new Confusion();
      for (let item = 0; item < 300; item += 1) {
        const target = item % 2 === 0 ? "a" : "b";
        const correct = random() < 0.8;
        confusion.add({ target, predicted: correct === (target === "a") ? "a" : "b", correct });
      }
      const { microF1 } = bootstrapF1(confusion.cells(), random);
      if (microF1.low <= 0.8 && 0.8 <= microF1.high) covered += 1;
    }
    // 190 expected; four standard deviations of a binomial are 12.
    expect(covered).toBeGreaterThanOrEqual(178);
    expect(covered).toBeLessThan(200);
  });

  it("gives the same interval for the same counts and seed", () => {
    expect(bootstrapF1(cells, seededRandom(3))).toEqual(bootstrapF1(cells, seededRandom(3)));
  });
});

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
});
