// From draws of what may come to a prediction with its two intervals.
import { type IntervalEstimate, normalQuantile, quantile } from "@chimera/kernel";
import type { Metric, PredictedChange, Prediction } from "../ledger/prediction.ts";
import type { PastPrediction } from "./observed.ts";

/** `draws`: relative changes that the next window may show. Infinite ones are none. */
export function changeFrom(relative: number, draws: readonly number[]): PredictedChange {
  const sorted = Float64Array.from(draws).filter(Number.isFinite).sort();
  const middle = (level: number): IntervalEstimate => ({
    low: Math.min(relative, quantile(sorted, (1 - level) / 2)),
    high: Math.max(relative, quantile(sorted, (1 + level) / 2)),
    level,
  });
  return { relative, interval50: middle(0.5), interval90: middle(0.9) };
}

/** A value with an interval of any level, taken as normal on each side. */
export function changeFromInterval(relative: number, { low, high, level }: IntervalEstimate): PredictedChange {
  const z = (of: number) => normalQuantile((1 + of) / 2);
  const at = (of: number): IntervalEstimate => ({
    low: relative - ((relative - low) * z(of)) / z(level),
    high: relative + ((high - relative) * z(of)) / z(level),
    level: of,
  });
  return { relative, interval50: at(0.5), interval90: at(0.9) };
}

/** Whether less is better. */
function isCost(metric: Metric): boolean {
  return metric === "ttft_p50_ms";
}

/** What is gained at least, at the lower end of the 90 % interval: a share, better is above 0. */
export function leastGain(metric: Metric, { interval90 }: PredictedChange): number {
  return isCost(metric) ? -interval90.high : interval90.low;
}

/** Past predictions that the belief in a full gain weighs as much as. */
const PRIOR_WEIGHT = 4;
/** A single past outcome counts no further than this: one lucky guess is no record. */
const RATIOS = { least: -1, most: 2 };
/** A record this bad leaves a trace of the promise, so that the next outcome can still be held against it. */
const LEAST_PAST_RATIO = 0.1;
/** A predicted change below this has no ratio to speak of. */
const MIN_PREDICTED = 0.005;

export interface PromiseKind {
  readonly remedy: string;
  readonly metric: Metric;
}

/** A settled prediction as later ones are scaled by: what was scaled before is taken back. */
export function pastOf(prediction: Prediction, realised: number): PastPrediction {
  const { remedy, metric, change, unscaled = change, pastRatio: ratio = 1 } = prediction;
  return { remedy, metric, predicted: unscaled.relative / ratio, realised };
}

/** Mean of realised ÷ predicted of promises of a kind, drawn towards 1 while there are few. */
export function pastRatio({ remedy, metric }: PromiseKind, past: readonly PastPrediction[]): number {
  const ratios = past
    .filter((each) => each.remedy === remedy && each.metric === metric && Math.abs(each.predicted) >= MIN_PREDICTED)
    .map(({ realised, predicted }) => Math.min(RATIOS.most, Math.max(RATIOS.least, realised / predicted)));
  const sum = ratios.reduce((total, ratio) => total + ratio, PRIOR_WEIGHT);
  return Math.max(LEAST_PAST_RATIO, sum / (ratios.length + PRIOR_WEIGHT));
}

export interface ScaledChange {
  readonly change: PredictedChange;
  /** Unset where there is no record, and nothing was moved. */
  readonly pastRatio?: number;
}

/** Moved to where past promises of that kind ended; as wide as it was. */
export function scaledByPast(
  change: PredictedChange,
  { past, ...kind }: PromiseKind & { past: readonly PastPrediction[] },
): ScaledChange {
  const ratio = pastRatio(kind, past);
  if (ratio === 1) return { change };
  const shift = change.relative * (ratio - 1);
  const moved = ({ low, high, level }: IntervalEstimate) => ({ low: low + shift, high: high + shift, level });
  return {
    change: {
      relative: change.relative + shift,
      interval50: moved(change.interval50),
      interval90: moved(change.interval90),
    },
    pastRatio: ratio,
  };
}
