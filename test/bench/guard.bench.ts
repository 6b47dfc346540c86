// The overfitting guard against planted overfitting and against honest gains, in seeded worlds whose truth is known.
import { meanInterval, RunningMean } from "@chimera/statistics";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { isCaught, judgeHonest, PLANTED } from "./evaluator/guard-cases.ts";
import { shareResult } from "./figures.ts";
import type { BenchResult } from "./result.ts";

/** Of planted overfitting, the four kinds in turn, and of honest gains. */
const CASES = { quick: 8, full: 100 };
/** 2,000 holdout items miss a gain of this size twice in 100 times; smaller ones they are too few for. */
const HONEST_FROM = 0.03;

export const guardBenchmark: Benchmark = {
  name: "guard",
  summary: "planted overfitting caught, honest gains let through, gains reported as they are",
  limitMs: { quick: 58_000, full: 1_200_000 },
  run: measure,
};

async function measure({ quick, signal, progress }: BenchContext): Promise<BenchResult[]> {
  const cases = quick ? CASES.quick : CASES.full;
  let caught = 0;
  for (let seed = 1; seed <= cases; seed++) {
    const planted = PLANTED[seed % PLANTED.length] ?? "noise only";
    const isRefused = await isCaught(planted, seed, signal);
    if (isRefused) caught += 1;
    progress(`planted ${seed} of ${cases}, ${planted}: ${isRefused ? "caught" : "missed"}`);
  }
  return [
    shareResult({
      id: "guard.caught_share",
      count: caught,
      n: cases,
      method: `Seeded tuning runs with planted overfitting (${PLANTED.join(", ")}, in turn) whose proposal the guard refused; of 500 looks at one holdout none may pass.`,
    }),
    ...(await honestResults(cases, { signal, progress })),
  ];
}

async function honestResults(
  cases: number,
  { signal, progress }: Pick<BenchContext, "signal" | "progress">,
): Promise<BenchResult[]> {
  const optimism = new RunningMean();
  let [seen, refused] = [0, 0];
  for (let seed = 1; seen < cases; seed++) {
    const { judgement, trueGain } = await judgeHonest(10_000 + seed, signal);
    if (trueGain < HONEST_FROM) continue;
    seen += 1;
    if (judgement.verdict === "refused") refused += 1;
    else optimism.add(((judgement.gain?.value ?? 0) - trueGain) * 100);
    progress(`honest ${seen} of ${cases}: ${judgement.reasons.map(({ code }) => code).join(", ") || "accepted"}`);
  }
  return [
    shareResult({
      id: "guard.false_refusal_share",
      count: refused,
      n: seen,
      method: `Seeded tuning runs that found a true gain of at least ${HONEST_FROM * 100} pp, judged on 2,000 holdout items, and were refused.`,
    }),
    {
      id: "guard.optimism_pp",
      value: optimism.mean,
      unit: "pp",
      n: optimism.n,
      interval: meanInterval(optimism) ?? null,
      method: "Gain as reported by the guard minus true gain, mean over the accepted honest runs; t interval.",
    },
  ];
}
