import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { LABELS, resultOf } from "../testing/runs.ts";
import { compare, EarlyStop, type Pair, pairsOf } from "./comparison.ts";
import { Outcome } from "./outcome.ts";

type Right = (pair: number) => boolean;

/** `ttft` of the candidate; the baseline's is 10 ms. */
function outcomes(n: number, right: { baseline: Right; candidate: Right }, ttftMs = 10): [Outcome, Outcome] {
  const sides = [new Outcome(), new Outcome()] as const;
  const [baseline, candidate] = sides;
  for (let pair = 0; pair < n; pair++) {
    for (const [arm, isRight] of [right.baseline(pair), right.candidate(pair)].entries()) {
      const target = LABELS[pair % 3] ?? "";
      const predicted = isRight ? target : "";
      const common = { arm, target, predicted, cluster: `item-${pair}`, ttftMs: arm === 0 ? 10 : ttftMs };
      sides[arm === 0 ? 0 : 1].add(resultOf(pair * 2 + arm, common), { pair, correct: isRight });
    }
  }
  return [baseline, candidate];
}

function pairs(n: number, right: { baseline: Right; candidate: Right }, ttftMs?: number): Pair[] {
  return pairsOf(...outcomes(n, right, ttftMs));
}

const options = { hasClasses: true, early: undefined };

describe("compare", () => {
  it("finds a better candidate better, and says by how much", async () => {
    const right = { baseline: (pair: number) => pair % 4 !== 0, candidate: (pair: number) => pair % 20 !== 1 };
    const comparison = await compare(pairs(400, right, 20), options);
    expect(comparison.accuracyDifference.value).toBeCloseTo(0.2, 12);
    expect(comparison.accuracyDifference.low).toBeGreaterThan(0.1);
    expect(comparison.macroF1Difference?.low).toBeGreaterThan(0.05);
    expect(comparison).toMatchObject({ onlyBaselineRight: 20, onlyCandidateRight: 100, verdict: "better" });
    expect(comparison.mcnemarP).toBeLessThan(1e-10);
    expect(comparison.ttftRatio?.value).toBeCloseTo(2, 12);
    expect(comparison.text).toMatch(/^The candidate is better: accuracy \+20\.0 percentage points/);
  });

  it("does not tell the same configuration apart from itself, and says how many pairs a point would need", async () => {
    const random = seededRandom(3);
    const coins = Array.from({ length: 600 }, () => random() < 0.9);
    const others = Array.from({ length: 600 }, () => random() < 0.9);
    const right = { baseline: (at: number) => coins[at] ?? false, candidate: (at: number) => others[at] ?? false };
    const comparison = await compare(pairs(600, right), options);
    expect(comparison.verdict).toBe("not told apart");
    expect(comparison.pairsFor1pp).toBeGreaterThan(10_000);
    expect(comparison.text).toContain("A difference of 1 point would need about");
  });

  it("finds a worse one worse", async () => {
    const right = { baseline: () => true, candidate: (pair: number) => pair % 5 !== 0 };
    expect((await compare(pairs(200, right), options)).verdict).toBe("worse");
  });

  it("leaves out what only one side was asked", async () => {
    const [baseline, candidate] = outcomes(10, { baseline: () => true, candidate: () => true });
    baseline.add(resultOf(20), { pair: 10, correct: true });
    expect((await compare(pairsOf(baseline, candidate), options)).pairs).toBe(10);
  });

  it("says nothing of no pairs at all", async () => {
    const comparison = await compare([], options);
    expect(comparison).toMatchObject({ pairs: 0, verdict: "not told apart", ttftRatio: undefined });
  });
});

describe("EarlyStop", () => {
  const feed = (stop: EarlyStop, all: readonly Pair[]) => {
    for (const pair of all) stop.add(pair);
  };

  it("decides long before the end where the difference is large, and the result says so", async () => {
    const all = pairs(1000, { baseline: (pair) => pair % 3 !== 0, candidate: () => true });
    const early = new EarlyStop(0.95, all.length);
    feed(early, all);
    expect(early.decidedAt).toBeGreaterThanOrEqual(100);
    expect(early.decidedAt).toBeLessThan(300);
    const comparison = await compare(all.slice(0, early.decidedAt), { hasClasses: true, early });
    expect(comparison).toMatchObject({ stoppedAt: early.decidedAt, verdict: "better" });
    expect(comparison.accuracyDifference.method).toContain("confidence sequence");
  });

  it("rarely decides where there is no difference, however often it looks", () => {
    const random = seededRandom(11);
    const decided = Array.from({ length: 100 }, () => {
      const all = pairs(500, { baseline: () => random() < 0.9, candidate: () => random() < 0.9 });
      const early = new EarlyStop(0.95, all.length);
      feed(early, all);
      return early.decidedAt > 0;
    });
    expect(decided.filter(Boolean).length).toBeLessThanOrEqual(5);
  });

  it("counts a cluster once", () => {
    const [pair] = pairs(1, { baseline: () => false, candidate: () => true });
    const early = new EarlyStop(0.95, 1000);
    for (let i = 0; i < 1000 && pair; i++) early.add(pair);
    expect(early.decidedAt).toBe(0);
  });
});
