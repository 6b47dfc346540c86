import { quantile, seededRandom, wilsonInterval } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { bootstrapF1, bootstrapF1InTurns, drawMultinomial } from "./bootstrap.ts";
import { cellScores, f1Scores } from "./classification.ts";
import { type Cell, Confusion } from "./confusion.ts";

const cells: readonly Cell[] = [
  { target: "a", predicted: "a", count: 80 },
  { target: "a", predicted: "b", count: 12 },
  { target: "b", predicted: "b", count: 40 },
  { target: "b", predicted: "", count: 8 },
  { target: "c", predicted: "c", count: 9 },
  { target: "c", predicted: "a", count: 6 },
];

// Every answer names a class: micro F1 is accuracy, 250 of 300.
const everyAnswerNamesAClass: readonly Cell[] = [
  { target: "a", predicted: "a", count: 180 },
  { target: "a", predicted: "b", count: 20 },
  { target: "b", predicted: "a", count: 30 },
  { target: "b", predicted: "b", count: 70 },
];

function bootstrap(of: readonly Cell[], seed: number, resamples = 1000) {
  return bootstrapF1(of, { resamples, random: seededRandom(seed) });
}

/** The bootstrap as the textbook has it: draw n items one by one. */
function itemByItem(seed: number): { low: number; high: number } {
  const random = seededRandom(seed);
  const items = cells.flatMap((cell) => Array.from({ length: cell.count }, () => cell));
  const scores = Float64Array.from({ length: 2000 }, () => {
    const counts = new Map(cells.map((cell) => [cell, 0]));
    for (let draw = 0; draw < items.length; draw++) {
      const cell = items[Math.floor(random() * items.length)];
      if (cell !== undefined) counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    return f1Scores(cells.map((cell) => ({ ...cell, count: counts.get(cell) ?? 0 }))).macroF1;
  }).sort();
  return { low: quantile(scores, 0.025), high: quantile(scores, 0.975) };
}

describe("bootstrapF1", () => {
  it("agrees with drawing item by item", () => {
    const { macroF1 } = bootstrap(cells, 7);
    const expected = itemByItem(8);
    expect(Math.abs(macroF1.low - expected.low)).toBeLessThan(0.015);
    expect(Math.abs(macroF1.high - expected.high)).toBeLessThan(0.015);
  });

  it("covers the true micro F1 about 95 times in 100", () => {
    const random = seededRandom(11);
    let covered = 0;
    for (let repeat = 0; repeat < 200; repeat++) {
      const confusion = new Confusion();
      for (let item = 0; item < 300; item++) {
        const target = item % 2 === 0 ? "a" : "b";
        const correct = random() < 0.8;
        confusion.add({ target, predicted: correct === (target === "a") ? "a" : "b", correct });
      }
      const { microF1 } = bootstrapF1(confusion.cells(), { resamples: 1000, random });
      if (microF1.low <= 0.8 && 0.8 <= microF1.high) covered += 1;
    }
    // 190 expected; four standard deviations of a binomial are 12.
    expect(covered).toBeGreaterThanOrEqual(178);
    expect(covered).toBeLessThan(200);
  });

  it.each([50, 200])("covers the true macro F1 of three classes 94 to 97 times in 100 at n = %i", (n) => {
    const random = seededRandom(12);
    const shares = cells.map(({ count }) => count / 155);
    const truth = cellScores(cells).macroF1;
    const repeats = 600;
    let covered = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const counts = new Float64Array(cells.length);
      drawMultinomial(Float64Array.from(shares), counts, { n, random, total: 1 });
      const sample = cells.map((cell, i) => ({ ...cell, count: counts[i] ?? 0 })).filter(({ count }) => count > 0);
      const { macroF1 } = bootstrapF1(sample, { resamples: 400, random });
      if (macroF1.low <= truth && truth <= macroF1.high) covered += 1;
    }
    // The bounds, and 2.5 standard deviations of a binomial beyond them.
    expect(covered).toBeGreaterThanOrEqual(550);
    expect(covered).toBeLessThanOrEqual(593);
  });

  it("agrees with Wilson where micro F1 is accuracy", () => {
    const { microF1 } = bootstrap(everyAnswerNamesAClass, 3, 2000);
    const wilson = wilsonInterval(250, 300);
    expect(Math.abs(microF1.low - wilson.low)).toBeLessThan(0.01);
    expect(Math.abs(microF1.high - wilson.high)).toBeLessThan(0.01);
  });

  it("holds the point estimate, and is a point where there is nothing to vary", () => {
    const { macroF1 } = bootstrap(everyAnswerNamesAClass, 4);
    const estimate = f1Scores(everyAnswerNamesAClass).macroF1;
    expect(macroF1.low).toBeLessThan(estimate);
    expect(macroF1.high).toBeGreaterThan(estimate);
    const certain = bootstrap([{ target: "a", predicted: "a", count: 9 }], 5, 100);
    expect(certain.macroF1).toEqual({ low: 1, high: 1, level: 0.95 });
  });

  it("gives the same interval for the same counts and seed, and moves little with another", () => {
    const first = bootstrap(cells, 1);
    const other = bootstrap(cells, 2);
    expect(bootstrap(cells, 1)).toEqual(first);
    expect(other).not.toEqual(first);
    expect(Math.abs(other.macroF1.low - first.macroF1.low)).toBeLessThan(0.02);
  });

  it("refuses counts without an item", () => {
    expect(() => bootstrap([], 1)).toThrow("at least one counted item");
  });
});

describe("bootstrapF1InTurns", () => {
  it("gives the same interval and lets other work of the process go on", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({ target: `${i % 50}`, predicted: `${i}`, count: 3 }));
    let turns = 0;
    let running = true;
    const turn = () => {
      turns += 1;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const inTurns = await bootstrapF1InTurns(many, { resamples: 200, random: seededRandom(9) });
    running = false;
    expect(inTurns).toEqual(bootstrap(many, 9, 200));
    // 400,000 cells are drawn, with a break every 100,000.
    expect(turns).toBeGreaterThanOrEqual(3);
  });
});
