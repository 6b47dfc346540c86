import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Classification, classify, f1Scores } from "./classification.ts";
import { Confusion } from "./confusion.ts";

type Fixture = Classification & { targets: string[]; answers: string[] };

const fixtures = readFileSync(new URL("./fixtures/classification.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): Fixture => JSON.parse(line));

function counted(targets: readonly string[], answers: readonly string[]): Confusion {
  const confusion = new Confusion();
  targets.forEach((target, i) => {
    const predicted = answers[i] ?? "";
    confusion.add({ target, predicted, correct: target === predicted });
  });
  return confusion;
}

describe("classify", () => {
  it("equals scikit-learn to 1e-9 on every figure of every class", () => {
    expect(fixtures.length).toBe(40);
    for (const { targets, answers, classes, ...expected } of fixtures) {
      const ours = classify(counted(targets, answers));
      const figures = ours.classes.flatMap(({ precision, recall, f1, support }) => [precision, recall, f1, support]);
      const reference = classes.flatMap(({ precision, recall, f1, support }) => [precision, recall, f1, support]);
      expect(ours.classes.map(({ label }) => label)).toEqual(classes.map(({ label }) => label));
      expect(largestGap(figures, reference)).toBeLessThan(1e-9);
      const sums = [ours.accuracy, ours.macroF1, ours.microF1];
      expect(largestGap(sums, [expected.accuracy, expected.macroF1, expected.microF1])).toBeLessThan(1e-9);
    }
  });

  it("gives a class that is never answered an F1 of 0 and keeps it in the mean", () => {
    const result = classify(counted(["a", "b"], ["a", "a"]));
    expect(result.classes[1]).toEqual({ label: "b", precision: 0, recall: 0, f1: 0, support: 1 });
    expect(result.macroF1).toBeCloseTo(1 / 3, 12);
  });

  it("counts an answer without a class as wrong", () => {
    const result = classify(counted(["a", "a", "a", "a"], ["a", "a", "", "nonsense"]));
    expect(result.accuracy).toBe(0.5);
    expect(result.classes[0]).toMatchObject({ precision: 1, recall: 0.5 });
  });

  it("knows the accuracy of free text, and no F1", () => {
    const texts = Array.from({ length: 6000 }, (_, i) => `text ${i}`);
    expect(classify(counted(texts, texts))).toEqual({
      accuracy: 1,
      classes: [],
      macroF1: Number.NaN,
      microF1: Number.NaN,
      weightedF1: Number.NaN,
      mcc: Number.NaN,
      kappa: Number.NaN,
    });
  });

  it("knows nothing before the first answer", () => {
    expect(classify(new Confusion()).accuracy).toBeNaN();
  });
});

describe("f1Scores", () => {
  it("agrees with figures worked out by hand", () => {
    // a: TP 2, FP 1, FN 1, F1 2/3. b: TP 1, FP 1, FN 1, F1 1/2. c: TP 1, FP 0, FN 0, F1 1.
    const scores = f1Scores(counted(["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", "a", "c"]).cells());
    expect(scores.macroF1).toBeCloseTo((2 / 3 + 1 / 2 + 1) / 3, 12);
    expect(scores.microF1).toBeCloseTo(4 / 6, 12);
  });

  it("charges an answer that names no class to its target alone", () => {
    const scores = f1Scores(counted(["a", "a", "b", "b"], ["a", "", "b", "nonsense"]).cells());
    expect(scores).toEqual({ macroF1: 2 / 3, microF1: 2 / 3, weightedF1: 2 / 3 });
  });

  it("keeps a class without items in the mean", () => {
    const cells = [
      { target: "a", predicted: "a", count: 3 },
      { target: "b", predicted: "b", count: 0 },
    ];
    expect(f1Scores(cells)).toEqual({ macroF1: 0.5, microF1: 1, weightedF1: 1 });
  });
});

function largestGap(ours: readonly number[], reference: readonly number[]): number {
  expect(ours.length).toBe(reference.length);
  return Math.max(...ours.map((value, i) => Math.abs(value - (reference[i] ?? Number.NaN))));
}
