import { describe, expect, it } from "vitest";
import { Confusion } from "./confusion.ts";
import { f1Scores } from "./f1.ts";

function cellsOf(pairs: readonly (readonly [target: string, predicted: string])[]) {
  const confusion = new Confusion();
  for (const [target, predicted] of pairs) confusion.add({ target, predicted, correct: target === predicted });
  return confusion.cells();
}

describe("f1Scores", () => {
  it("agrees with figures worked out by hand", () => {
    // a: TP 2, FP 1, FN 1, F1 2/3. b: TP 1, FP 1, FN 1, F1 1/2. c: TP 1, FP 0, FN 0, F1 1.
    const cells = cellsOf([
      ["a", "a"],
      ["a", "a"],
      ["a", "b"],
      ["b", "b"],
      ["b", "a"],
      ["c", "c"],
    ]);
    expect(f1Scores(cells).macroF1).toBeCloseTo((2 / 3 + 1 / 2 + 1) / 3, 12);
    expect(f1Scores(cells).microF1).toBeCloseTo(4 / 6, 12);
  });

  it("keeps a class that was never answered right in the mean", () => {
    const cells = cellsOf([
      ["a", "a"],
      ["b", "a"],
    ]);
    expect(f1Scores(cells).macroF1).toBeCloseTo((2 / 3 + 0) / 2, 12);
  });

  it("charges an answer that names no class to its target alone", () => {
    const cells = cellsOf([
      ["a", "a"],
      ["a", ""],
      ["b", "b"],
      ["b", "nonsense"],
    ]);
    expect(f1Scores(cells)).toEqual({ macroF1: 2 / 3, microF1: 2 / 3 });
  });
});

describe("Confusion", () => {
  it("gives up classes, not accuracy, where answers are free text", () => {
    const confusion = new Confusion();
    for (let item = 0; item < 20_000; item += 1) {
      confusion.add({ target: `text ${item}`, predicted: `text ${item}`, correct: item % 2 === 0 });
    }
    expect(confusion.cells()).toEqual([]);
    expect([confusion.n, confusion.correct]).toEqual([20_000, 10_000]);
  });
});
