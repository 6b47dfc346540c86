// What the loop, the evaluator and a load test hand to a report, with the usual in it, for tests.
import { type LoopState, loopState } from "../ledger/loop-state.ts";
import { GENESIS, type Head, type LedgerEntry, type LedgerRecord, seal } from "../ledger/record.ts";
import { capacityAt } from "../predict/usl.ts";
import type { Recommendation, Recommendations } from "../remedy/recommendations.ts";
import { GUARDRAILS } from "../remedy/remedy.ts";
import type { ReportInput } from "../report/report-input.ts";
import { START_MS } from "./events.ts";
import { keptHistory, outcomeOf, predictedChange, predictionOf } from "./predictions.ts";

export function loopOf(entries: readonly LedgerEntry[]): LoopState {
  let head: Head = GENESIS;
  return loopState(
    entries.map((entry): LedgerRecord => {
      const record = seal(entry, head, START_MS);
      head = record;
      return record;
    }),
  );
}

/** Kept, and measured to have moved by this much. */
export function settledHistory(id: string, relative: number | undefined, promised = -0.3): LedgerEntry[] {
  const prediction = predictionOf(id, { change: predictedChange(promised) });
  const interval95 = relative === undefined ? undefined : { low: relative - 0.08, high: relative + 0.08, level: 0.95 };
  const outcome = outcomeOf(id, "kept", { relative, interval95 });
  return [
    { kind: "prediction-made", prediction },
    ...keptHistory(id).slice(1, -1),
    { kind: "outcome-settled", outcome },
  ];
}

export function recommendationOf(fields: Partial<Recommendation> = {}): Recommendation {
  return {
    kind: "gain expected",
    remedy: "cache-warm-up",
    title: "Warm the cache before it is needed",
    predictions: [predictionOf("cache-warm-up-1")],
    change: { kind: "warm", windowMs: 600_000, maxAnswers: 100, tokenBudget: 4000, controlShare: 0.1 },
    undo: { kind: "none", why: "an answer too many does no harm" },
    proof: {
      ...{ kind: "control keys", metric: "ttft_p50_ms", share: 0.9, blockMs: undefined },
      ...{ maxLengthMs: 600_000, minN: 200, guardrails: GUARDRAILS },
    },
    costShare: 0.1,
    gainPerCost: 2.2,
    ...fields,
  };
}

const CURVE = [1, 2, 3, 4, 6, 8].map((slots, i) => ({
  slots,
  rps: capacityAt({ perSlotRps: 0.5, contention: 0.03, coherency: 0.001 }, slots) * (i % 2 === 0 ? 1.02 : 0.98),
  n: 100,
}));

export function fullRecommendations(): Recommendations {
  const capacity = predictionOf("parallelisation-1", {
    ...{ remedy: "parallelisation", metric: "capacity_rps", change: predictedChange(0.42) },
    baseline: { value: 0.97, n: 600, window: { fromMs: START_MS - 60_000, toMs: START_MS } },
  });
  const tuning = predictionOf("tuning-1", {
    ...{ remedy: "hyperparameter-tuning", metric: "macro_f1", change: predictedChange(0.06, 0.02) },
    baseline: { value: 0.84, n: 960, window: { fromMs: START_MS - 60_000, toMs: START_MS } },
  });
  const hits = predictionOf("cache-warm-up-2", {
    ...{ metric: "hit_ratio", change: predictedChange(0.31) },
    baseline: { value: 0.38, n: 1500, window: { fromMs: START_MS - 600_000, toMs: START_MS } },
  });
  return {
    recommended: [
      recommendationOf({ predictions: [predictionOf("cache-warm-up-1"), hits] }),
      recommendationOf({
        remedy: "parallelisation",
        title: "Run 4 more generations at a time",
        predictions: [capacity],
      }),
      recommendationOf({ remedy: "hyperparameter-tuning", title: "Sample as the search found", predictions: [tuning] }),
    ],
    declined: [
      {
        remedy: "cache-policy",
        title: "Change the cache's policy",
        kind: "no gain expected",
        why: "s3-fifo gains 0.1 pp.",
      },
      { remedy: "cache-size", title: "Give the cache more room", kind: "measure first", why: "It needs 400 requests." },
      { remedy: "cache-pruning", title: "Prune", kind: "ranked lower", why: "3 others gain more for what they cost." },
    ],
  };
}

export function fullInput(): ReportInput {
  return {
    recommendations: fullRecommendations(),
    ledger: loopOf([
      ...Array.from({ length: 22 }, (_, i) =>
        settledHistory(`cache-warm-up-ttft_p50_ms-${i}`, -0.3 + 0.06 * Math.sin(i), -0.3 + 0.05 * Math.cos(i)),
      ).flat(),
      ...settledHistory("cache-warm-up-not-measured", undefined),
      ...keptHistory("cache-warm-up-under-way").slice(0, 5),
    ]),
    capacity: { ...{ slots: 2, replicas: 1, maxSlots: 8, curve: CURVE }, objective: "TTFT p95 at most 500 ms" },
    guardSigns: {
      overfitting: [
        {
          ...{ name: "holdout budget spent", value: 0.85, unit: "ratio", n: 20, state: "warning" },
          ...{ rule: "warns from 0.8", mitigation: "Collect new items." },
        },
        {
          name: "slice regression",
          unit: "ratio",
          n: 0,
          state: "no data",
          rule: "alarms from 5 pp",
          mitigation: "Look.",
        },
      ],
    },
  };
}
