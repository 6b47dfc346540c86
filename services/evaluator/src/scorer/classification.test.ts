import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Classification, classify } from "./classification.ts";
import { ConfusionCounts } from "./confusion.ts";

type Fixture = Omit<Classification, "correct"> & { targets: string[]; answers: string[] };

const fixtures = readFileSync(new URL("./fixtures/classification.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): Fixture => JSON.parse(line));

function scored(targets: readonly string[], answers: readonly string[]): Classification {
  const counts = new ConfusionCounts(targets);
  targets.forEach((target, i) => void counts.add(target, answers[i] ?? ""));
  return classify(counts);
}

describe("classify", () => {
  it("equals scikit-learn to 1e-9 on every figure of every class", () => {
    expect(fixtures.length).toBe(40);
    for (const { targets, answers, classes, ...expected } of fixtures) {
      const ours = scored(targets, answers);
      const figures = ours.classes.flatMap(({ precision, recall, f1, support }) => [precision, recall, f1, support]);
      const reference = classes.flatMap(({ precision, recall, f1, support }) => [precision, recall, f1, support]);
      expect(ours.classes.map(({ label }) => label)).toEqual(classes.map(({ label }) => label));
      expect(largestGap(figures, reference)).toBeLessThan(1e-9);
      const sums = [ours.accuracy, ours.macroF1, ours.microF1];
      expect(largestGap(sums, [expected.accuracy, expected.macroF1, expected.microF1])).toBeLessThan(1e-9);
    }
  });

  it("gives a class that is never answered an F1 of 0 and keeps it in the mean", () => {
    const result = scored(["a", "b"], ["a", "a"]);
    expect(result.classes[1]).toEqual({ label: "b", precision: 0, recall: 0, f1: 0, support: 1 });
    expect(result.macroF1).toBeCloseTo(1 / 3, 12);
  });

  it("counts an answer without a class as wrong", () => {
    const result = scored(["a", "a", "a", "a"], ["a", "a", "", "nonsense"]);
    expect(result.accuracy).toBe(0.5);
    expect(result.classes[0]).toMatchObject({ precision: 1, recall: 0.5 });
  });
});

describe("ConfusionCounts", () => {
  it("does not grow with the number of items", () => {
    const counts = new ConfusionCounts(["a", "b"]);
    const before = counts.cells.length;
    for (let i = 0; i < 10_000; i++) counts.add("a", `answer ${i}`);
    expect(counts.cells.length).toBe(before);
    expect(counts.total).toBe(10_000);
  });

  it("refuses a set of free texts", () => {
    const texts = Array.from({ length: 1001 }, (_, i) => `text ${i}`);
    expect(() => new ConfusionCounts(texts)).toThrow("1001 classes; at most 1000");
  });
});

function largestGap(ours: readonly number[], reference: readonly number[]): number {
  expect(ours.length).toBe(reference.length);
  return Math.max(...ours.map((value, i) => Math.abs(value - (reference[i] ?? Number.NaN))));
}
