import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import {
  calibrationSign,
  fragileOptimumSign,
  inputDriftSign,
  judgeAgreementSign,
  leakSign,
  lengthDriftSign,
  sliceRegressionSign,
} from "./answer-signs.ts";
import {
  flatHoldoutSign,
  holdoutBudgetSign,
  seedVarianceSign,
  splitGapSign,
  unseenOnlineSign,
} from "./search-signs.ts";

const random = seededRandom(1);
const scores = (quality: number, n = 500) => Array.from({ length: n }, () => (random() < quality ? 1 : 0));
const flipped = (from: readonly number[], share: number) => from.map((score) => (random() < share ? 0 : score));

describe("signs of the search", () => {
  it("see a gap that is wide and grows, not one of noise", () => {
    const gap = (left: number, earlier: number[]) =>
      splitGapSign({ sides: "validation - holdout", left: scores(left), right: scores(0.85), earlier }).state;
    expect(gap(0.97, [0.02, 0.05])).toBe("alarm");
    expect(gap(0.97, [0.2, 0.1])).toBe("watch");
    expect(gap(0.85, [0.02, 0.05])).toBe("ok");
    expect(splitGapSign({ sides: "s", left: [], right: [1], earlier: [] }).state).toBe("unknown");
  });

  it("see a holdout that no longer follows", () => {
    const rising = Array.from({ length: 20 }, (_, i) => 0.8 + 0.005 * i);
    const flat = rising.map(() => 0.8);
    const state = (holdout: number[]) =>
      flatHoldoutSign({ bestValidation: rising, holdout, standardError: 0.01 }).state;
    expect(state(flat)).toBe("alarm");
    expect(state(rising)).toBe("ok");
    expect(state(flat.slice(0, 5))).toBe("unknown");
  });

  it("see the holdout used up, and gains smaller than seeds differ", () => {
    expect([4, 10, 16].map((looks) => holdoutBudgetSign({ looks, budget: 20 }).state)).toEqual([
      "ok",
      "watch",
      "alarm",
    ]);
    expect(seedVarianceSign([0.03, 0.031, 0.029, 0.03], 0.03).state).toBe("ok");
    expect(seedVarianceSign([0.09, -0.03, 0.05, 0.0], 0.03).state).toBe("alarm");
    expect(seedVarianceSign([0.09, 0.01], 0.03).state).toBe("unknown");
  });

  it("see a gain that does not arrive", () => {
    const state = (realised: number) =>
      unseenOnlineSign({ predicted: 0.04, realised, standardError: 0.005, n: 500 }).state;
    expect([0.04, 0.035, 0.02].map(state)).toEqual(["ok", "ok", "alarm"]);
  });
});

describe("signs of the answers", () => {
  const own = scores(0.9);
  it("see an optimum on an edge", () => {
    const change = (candidate: number[]) => [{ name: "temperature + 5 %", baseline: own, candidate }];
    expect(fragileOptimumSign(change(own)).state).toBe("ok");
    expect(fragileOptimumSign(change(flipped(own, 0.15))).state).toBe("alarm");
    expect(fragileOptimumSign([]).state).toBe("unknown");
  });

  it("see a loss that the mean hides, and are calm over many equal slices", () => {
    const slice = (name: string, share: number) => {
      const baseline = scores(0.9, 100);
      return { name, baseline, candidate: flipped(baseline, share) };
    };
    const equal = (name: string) => ({ name, baseline: scores(0.9, 100), candidate: scores(0.9, 100) });
    const sign = sliceRegressionSign([equal("a"), slice("refunds", 0.3), equal("b")]);
    expect(sign).toMatchObject({ name: "worst slice: refunds", state: "alarm", n: 100 });
    const alarms = Array.from({ length: 50 }, () => sliceRegressionSign(Array.from("abcdefgh", equal)).state);
    expect(alarms.filter((state) => state === "alarm").length).toBeLessThan(5);
    expect(sliceRegressionSign([{ name: "tiny", baseline: [1, 1], candidate: [0, 0] }]).state).toBe("unknown");
  });

  it("see a single leaked shot", () => {
    expect(leakSign([{ left: "shot", right: "item 3", similarity: 0.9 }], 600)).toMatchObject({
      value: 1 / 600,
      state: "alarm",
    });
    expect(leakSign([], 600).state).toBe("ok");
  });

  it("see boldness that is not earned", () => {
    const answers = (accuracy: number, confidence: number) =>
      scores(accuracy, 1000).map((score) => ({ confidence, correct: score === 1 }));
    expect(calibrationSign(answers(0.85, 0.85), answers(0.88, 0.99)).state).toBe("alarm");
    expect(calibrationSign(answers(0.85, 0.85), answers(0.9, 0.9)).state).not.toBe("alarm");
  });

  it("see longer answers, drifting inputs and a judge that people disagree with", () => {
    const lengths = Array.from({ length: 200 }, () => 20 + Math.floor(random() * 20));
    expect(
      lengthDriftSign(
        lengths,
        lengths.map((each) => each * 1.5),
      ).state,
    ).toBe("alarm");
    expect(
      lengthDriftSign(
        lengths,
        lengths.map((each) => each + (random() < 0.5 ? 1 : -1)),
      ).state,
    ).toBe("ok");
    const agreement = (kappa: number) => ({ kappa, low: kappa - 0.05, high: kappa + 0.05, n: 100 });
    expect(judgeAgreementSign(agreement(0.8), agreement(0.79)).state).toBe("ok");
    expect(judgeAgreementSign(agreement(0.8), agreement(0.6)).state).toBe("alarm");
    expect(inputDriftSign({ value: 0.3, pValue: 0.0001, n: 1000 }).state).toBe("alarm");
  });
});
