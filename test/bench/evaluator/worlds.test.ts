import { describe, expect, it } from "vitest";
import { scoresOf, worldItems } from "./guard-world.ts";
import { knobs, trueQuality } from "./tuner-objective.ts";

const BEST = { temperature: 0.25, top_p: 0.9, shots: 6, template: "3", votes: 9, threshold: 0.95, repetition: 1.05 };
const DEFAULTS = { temperature: 1, top_p: 1, shots: 0, template: "0", votes: 1, threshold: 0.8, repetition: 1 };

describe("the objective of the tuner benchmark", () => {
  it("has the published optimum and default", () => {
    knobs.check(BEST);
    knobs.check(DEFAULTS);
    expect(trueQuality(BEST)).toBeCloseTo(0.987, 3);
    expect(trueQuality(DEFAULTS)).toBeCloseTo(0.832, 3);
  });
});

describe("the worlds of the guard benchmark", () => {
  const world = {
    seed: 1,
    trueQuality: ({ better }: Readonly<Record<string, unknown>>) => (better === true ? 0.93 : 0.9),
    flattery: () => 0,
  };
  const items = worldItems("holdout", 20_000, () => 0.5);
  const mean = (scores: readonly number[]) => scores.reduce((sum, each) => sum + each, 0) / scores.length;

  it("answer with the true quality, the same way again, and hard items stay hard", () => {
    const [plain, better] = [false, true].map((each) => scoresOf(world, { better: each }, { items }));
    expect(Math.abs(mean(plain ?? []) - 0.9)).toBeLessThan(0.01);
    expect(Math.abs(mean(better ?? []) - 0.93)).toBeLessThan(0.01);
    expect(scoresOf(world, { better: true }, { items })).toEqual(better);
    const bothWrong = mean((plain ?? []).map((score, item) => (score === 0 && better?.[item] === 0 ? 1 : 0)));
    // 0.007 where answers are independent, about half of all errors where half of the items are alike.
    expect(bothWrong).toBeGreaterThan(0.025);
  });
});
