import { describe, expect, it } from "vitest";
import type { UnitResult } from "../queue/queue.ts";
import { LABELS, resultOf } from "../testing/runs.ts";
import { figuresOf } from "./figures.ts";
import { Outcome } from "./outcome.ts";

function outcomeOf(results: readonly UnitResult[]): Outcome {
  const outcome = new Outcome();
  for (const result of results) {
    outcome.add(result, { pair: result.unit, correct: result.status === "OK" && result.predicted === result.target });
  }
  return outcome;
}

const answers = (n: number, over: (unit: number) => Partial<UnitResult> = () => ({})) =>
  Array.from({ length: n }, (_, unit) => {
    const target = LABELS[unit % 3] ?? "";
    return resultOf(unit, { target, predicted: unit % 10 === 0 ? "" : target, ttftMs: unit, ...over(unit) });
  });

describe("figuresOf", () => {
  it("gives every figure with its interval", async () => {
    const figures = await figuresOf(outcomeOf(answers(90)), { hasClasses: true });
    expect(figures).toMatchObject({ n: 90, failed: 0, clusters: 90, model: "tiny", modelVersion: "v1" });
    expect(figures.accuracy).toMatchObject({ value: 0.9, method: "wilson" });
    expect(figures.classes.map(({ label, support }) => `${label} ${support}`)).toEqual([
      "bug 30",
      "login 30",
      "refund 30",
    ]);
    const { accuracy, macroF1, weightedF1, mcc, ttftP50Ms } = figures;
    for (const estimate of [accuracy, macroF1, weightedF1, mcc, ttftP50Ms]) {
      expect(estimate?.low).toBeLessThan(estimate?.value ?? 0);
      expect(estimate?.high).toBeGreaterThan(estimate?.value ?? 1);
    }
    expect(figures.ttftP50Ms?.value).toBe(44.5);
    expect(figures.tokensPerItem).toBe(6);
  });

  it("does not depend on who answered first", async () => {
    const all = answers(90, (unit) => ({ cluster: `c${unit % 40}` }));
    const shuffled = [...all.slice(40), ...all.slice(0, 40).toReversed()];
    const options = { hasClasses: true };
    expect(await figuresOf(outcomeOf(shuffled), options)).toEqual(await figuresOf(outcomeOf(all), options));
  });

  it("makes intervals wider where items of a cluster share their fate", async () => {
    const fate = (unit: number) => ({ predicted: unit < 30 ? "" : (LABELS[unit % 3] ?? "") });
    const width = async (over: (unit: number) => Partial<UnitResult>) => {
      const { accuracy } = await figuresOf(outcomeOf(answers(120, (unit) => ({ ...fate(unit), ...over(unit) }))), {
        hasClasses: true,
      });
      return accuracy.high - accuracy.low;
    };
    expect(await width((unit) => ({ cluster: `c${Math.floor(unit / 10)}` }))).toBeGreaterThan(
      2 * (await width(() => ({}))),
    );
  });

  it("counts failures as wrong and lists the first twenty", async () => {
    const failed = (unit: number) => (unit < 40 ? { status: "UNAVAILABLE", message: `no ${unit}` } : {});
    const figures = await figuresOf(outcomeOf(answers(90, failed)), { hasClasses: true });
    expect(figures.failed).toBe(40);
    expect(figures.failures.length).toBe(20);
    expect(figures.failures[0]).toEqual({ itemId: "item-0", status: "UNAVAILABLE", message: "no 0" });
  });

  it("gives free texts no classes", async () => {
    const figures = await figuresOf(outcomeOf(answers(30)), { hasClasses: false });
    expect(figures.macroF1).toBeUndefined();
    expect(figures.confusion).toEqual([]);
    expect(figures.scores.classification?.value).toBe(1);
  });

  it("says where there is too little for an interval", async () => {
    const figures = await figuresOf(outcomeOf(answers(2, () => ({ cluster: "one" }))), { hasClasses: true });
    expect(figures.accuracy.method).toBe("no interval: too few items");
  });
});
