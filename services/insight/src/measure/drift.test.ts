import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { FigureId } from "../figure/definitions.ts";
import { recordsOf, requestFinished, START_MS, scoreRecorded } from "../testing/events.ts";
import { driftFigures } from "./drift.ts";

const WINDOW = { fromMs: START_MS, toMs: START_MS + 100_000 };

/** Answers of about 20 tokens, in the second half longer by some; every `wrongEvery`-th live answer is wrong there. */
function mesh(of: { seed: number; longer?: number; answers?: number; wrongEvery?: number }) {
  const { seed, longer = 0, answers = 1000, wrongEvery = 10 } = of;
  const random = seededRandom(seed);
  const isLate = (i: number, all: number) => i >= all / 2;
  const events = [
    ...Array.from({ length: answers }, (_, i) =>
      requestFinished(START_MS + (i * 100_000) / answers, {
        usage: { completionTokens: 10 + Math.floor(20 * random()) + (isLate(i, answers) ? longer : 0) },
      }),
    ),
    ...Array.from({ length: 400 }, (_, i) =>
      scoreRecorded(START_MS + i * 250, { source: "live", correct: i % (isLate(i, 400) ? wrongEvery : 10) !== 0 }),
    ),
  ];
  const figures = driftFigures(recordsOf(events), WINDOW, seededRandom(1));
  return (id: FigureId) => figures.find((figure) => figure.id === id);
}

describe("driftFigures", () => {
  it("finds no shift beyond chance where both halves are alike", () => {
    const above = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((seed) => {
      const figure = mesh({ seed });
      return (figure("drift.answer_length_psi")?.value ?? 0) > (figure("drift.answer_length_psi_chance")?.value ?? 0);
    });
    expect(above.length).toBeLessThanOrEqual(1);
  });

  it("finds answers that became longer", () => {
    const figure = mesh({ seed: 1, longer: 10 });
    expect(figure("drift.answer_length_psi")?.value).toBeGreaterThan(0.25);
    expect(figure("drift.answer_length_psi_chance")?.value).toBeLessThan(0.1);
  });

  it("finds answers that became worse, with an interval below zero", () => {
    const change = mesh({ seed: 1, wrongEvery: 2 })("drift.live_accuracy_change");
    expect(change?.value).toBeCloseTo(-0.4, 9);
    expect(change?.interval?.high).toBeLessThan(-0.3);
  });

  it("says nothing about a handful", () => {
    expect(mesh({ seed: 1, answers: 300 })("drift.answer_length_psi")).toMatchObject({ value: undefined, n: 300 });
  });
});
