import { seededRandom, wilsonInterval } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { ConfusionCounts } from "../scorer/confusion.ts";
import { aliasTable } from "./alias-table.ts";
import { bootstrapF1 } from "./bootstrap.ts";

function counted(cells: readonly (readonly [target: string, predicted: string, count: number])[]): ConfusionCounts {
  const counts = new ConfusionCounts(cells.map(([target]) => target));
  for (const [target, predicted, count] of cells) for (let i = 0; i < count; i++) counts.add(target, predicted);
  return counts;
}

describe("aliasTable", () => {
  it("draws in proportion to the weights and never an index of weight 0", () => {
    const weights = Uint32Array.of(0, 5, 1, 0, 30, 4);
    const draw = aliasTable(weights, seededRandom(1));
    const seen = new Uint32Array(weights.length);
    for (let i = 0; i < 40_000; i++) {
      const index = draw();
      seen[index] = (seen[index] ?? 0) + 1;
    }
    weights.forEach((weight, index) => {
      // Six standard errors of a share of 40,000 draws.
      expect(Math.abs((seen[index] ?? 0) / 40_000 - weight / 40)).toBeLessThanOrEqual(weight === 0 ? 0 : 0.015);
    });
  });

  it("refuses weights that are all 0", () => {
    expect(() => aliasTable(new Uint32Array(3), seededRandom(1))).toThrow("weight above 0");
  });
});

describe("bootstrapF1", () => {
  const counts = counted([
    ["a", "a", 180],
    ["a", "b", 20],
    ["b", "b", 70],
    ["b", "a", 30],
  ]);

  it("is the same for the same seed and moves little with another", async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => bootstrapF1(counts, { resamples: 1000, random: seededRandom(seed) })),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(other?.macroF1.low).toBeCloseTo(first?.macroF1.low ?? Number.NaN, 1);
  });

  it("agrees with Wilson where micro-F1 is accuracy", async () => {
    const { microF1 } = await bootstrapF1(counts, { resamples: 2000, random: seededRandom(3) });
    const wilson = wilsonInterval(250, 300);
    expect(Math.abs(microF1.low - wilson.low)).toBeLessThan(0.01);
    expect(Math.abs(microF1.high - wilson.high)).toBeLessThan(0.01);
  });

  it("holds the point estimate, and is a point where there is nothing to vary", async () => {
    const { macroF1 } = await bootstrapF1(counts, { resamples: 1000, random: seededRandom(4) });
    expect(macroF1.low).toBeLessThan(0.805);
    expect(macroF1.high).toBeGreaterThan(0.805);
    const certain = await bootstrapF1(counted([["a", "a", 9]]), { resamples: 100, random: seededRandom(5) });
    expect(certain.macroF1).toMatchObject({ low: 1, high: 1 });
  });
});
