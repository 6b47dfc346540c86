// Predictions and outcomes with the usual in them, for tests.
import type { Outcome, PredictedChange, Prediction, Verdict } from "../ledger/prediction.ts";
import type { LedgerEntry } from "../ledger/record.ts";
import { START_MS } from "./events.ts";

/** Around `relative`, as wide as a normal distribution with this standard deviation makes it. */
export function predictedChange(relative: number, deviation = 0.05): PredictedChange {
  const around = (z: number, level: number) => ({
    low: relative - z * deviation,
    high: relative + z * deviation,
    level,
  });
  return { relative, interval50: around(0.6745, 0.5), interval90: around(1.6449, 0.9) };
}

export function predictionOf(id: string, fields: Partial<Prediction> = {}): Prediction {
  return {
    id,
    madeAtMs: START_MS,
    remedy: "cache-warm-up",
    metric: "ttft_p50_ms",
    baseline: { value: 200, n: 1000, window: { fromMs: START_MS - 600_000, toMs: START_MS } },
    change: predictedChange(-0.3),
    method: "replay of the request log through the cache's policy",
    validity: "traffic like that of the last ten minutes",
    assumptions: ["questions come again as they did"],
    cost: "4,000 tokens",
    decisionRule: "kept where the 95 % interval of the change lies below 0",
    ...fields,
  };
}

export function outcomeOf(predictionId: string, verdict: Verdict, fields: Partial<Outcome> = {}): Outcome {
  return {
    predictionId,
    settledAtMs: START_MS + 600_000,
    relative: -0.28,
    interval95: { low: -0.35, high: -0.2, level: 0.95 },
    n: 800,
    window: { fromMs: START_MS, toMs: START_MS + 600_000 },
    design: "randomised blocks of 60 s, 4 on and 4 off",
    verdict,
    reason: "by the decision rule",
    ...fields,
  };
}

/** The whole way of one prediction that is kept. */
export function keptHistory(id: string): LedgerEntry[] {
  return [
    { kind: "prediction-made", prediction: predictionOf(id) },
    { kind: "change-started", predictionId: id, change: { slots: 8 }, undo: { slots: 4 } },
    { kind: "change-applied", predictionId: id, settingsVersion: 2 },
    { kind: "block-started", predictionId: id, block: 0, arm: "on" },
    { kind: "block-ended", predictionId: id, block: 0, arm: "on", n: 400 },
    { kind: "block-started", predictionId: id, block: 1, arm: "off" },
    { kind: "block-ended", predictionId: id, block: 1, arm: "off", n: 400 },
    { kind: "decision-made", predictionId: id, verdict: "kept", reason: "the interval lies below 0" },
    { kind: "change-applied", predictionId: id, settingsVersion: 5 },
    { kind: "outcome-settled", outcome: outcomeOf(id, "kept") },
  ];
}
