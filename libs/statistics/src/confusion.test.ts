import { describe, expect, it } from "vitest";
import { Confusion } from "./confusion.ts";

function fill(confusion: Confusion, pairs: number): Confusion {
  for (let item = 0; item < pairs; item++) {
    confusion.add({ target: `text ${item}`, predicted: `text ${item}`, correct: item % 2 === 0 });
  }
  return confusion;
}

describe("Confusion", () => {
  it("counts every pair apart, in the order of the labels", () => {
    const confusion = new Confusion();
    for (const [target, predicted] of [
      ["b", "a"],
      ["a", "b"],
      ["b", "a"],
      ["a", ""],
    ] as const) {
      confusion.add({ target, predicted, correct: false });
    }
    expect(confusion.cells()).toEqual([
      { target: "a", predicted: "", count: 1 },
      { target: "a", predicted: "b", count: 1 },
      { target: "b", predicted: "a", count: 2 },
    ]);
  });

  it("gives up classes, not accuracy, where answers are free text", () => {
    const confusion = fill(new Confusion(), 20_000);
    expect(confusion.cells()).toEqual([]);
    expect([confusion.n, confusion.correct]).toEqual([20_000, 10_000]);
  });

  it("holds as many pairs as it was given room for", () => {
    expect(fill(new Confusion(3), 3).cells().length).toBe(3);
    expect(fill(new Confusion(3), 4).cells()).toEqual([]);
    expect(() => new Confusion(0)).toThrow("at least one cell");
  });
});
