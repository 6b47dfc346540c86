// A prediction as a report shows it: every number of it a figure that says which prediction it belongs to.
import { type Figure, figure } from "../figure/figure.ts";
import type { Metric, Prediction } from "../ledger/prediction.ts";

export const metricNames: Readonly<Record<Metric, string>> = {
  ttft_p50_ms: "median time to first token",
  hit_ratio: "cache hit ratio",
  capacity_rps: "capacity",
  macro_f1: "macro F1",
  accuracy: "accuracy",
};

export interface PromisedGain {
  readonly id: string;
  readonly metric: Metric;
  readonly metricName: string;
  readonly baseline: Figure;
  /** With its 90 % interval. */
  readonly predicted: Figure;
  /** The same value with its 50 % interval. */
  readonly predicted50: Figure;
  readonly method: string;
  readonly validity: string;
  readonly assumptions: readonly string[];
  readonly cost: string;
  readonly decisionRule: string;
}

export function promisedGain(prediction: Prediction): PromisedGain {
  const { id, metric, baseline, change, method, validity, assumptions, cost, decisionRule } = prediction;
  const { n, window } = baseline;
  const isMeasured = n > 0;
  const shared = { of: id, n, window, method };
  const changed = { ...shared, value: isMeasured ? change.relative : undefined, source: `prediction ${id}` };
  return {
    ...{ id, metric, metricName: metricNames[metric], method, validity, assumptions, cost, decisionRule },
    baseline: figure({
      ...shared,
      id: `loop.baseline.${metric}`,
      value: isMeasured ? baseline.value : undefined,
      source: "what the prediction was made from",
    }),
    predicted: figure({
      ...changed,
      id: "loop.predicted_change",
      interval: isMeasured ? change.interval90 : undefined,
    }),
    predicted50: figure({
      ...changed,
      id: "loop.predicted_change_50",
      interval: isMeasured ? change.interval50 : undefined,
    }),
  };
}

/** Whether the realised change lies in the predicted 90 % interval; undefined where one of them is not there. */
export function isHeld({ predicted, realised }: { predicted: Figure; realised: Figure }): boolean | undefined {
  if (predicted.interval === undefined || realised.value === undefined) return undefined;
  return realised.value >= predicted.interval.low && realised.value <= predicted.interval.high;
}
