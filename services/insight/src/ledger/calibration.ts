// How good past predictions were: how often their intervals held, how far off they were on average, and whether they said more
// than "nothing will change".
import { type IntervalEstimate, normalQuantile, wilsonInterval } from "@chimera/kernel";
import { binomialCdf, brierBinary, meanInterval, normalCdf, RunningMean } from "@chimera/statistics";
import type { Metric, PredictedChange, Prediction } from "./prediction.ts";
import { covers, type IntervalName, type Scored, type Settled, scored } from "./settled.ts";

/** Below it, a score of predictions says more about luck than about the method. */
export const MIN_PREDICTIONS = 20;
/** The alarm looks at so many of the newest: good old days do not hide a method that went wrong. */
const ALARM_PREDICTIONS = 50;
const ALARM_PROBABILITY = 0.05;
/** A promise of less than a tenth of a percent is no divisor. */
const SMALLEST_PROMISE = 0.001;

export interface Coverage {
  readonly covered: number;
  readonly n: number;
  /** Wilson, 95 %. */
  readonly band: IntervalEstimate;
}

export interface Calibration {
  /** Predictions with a measured outcome. */
  readonly n: number;
  readonly coverage50: Coverage;
  readonly coverage90: Coverage;
  /** Mean of realised ÷ predicted over the `n` that promised something, with its 95 % t interval. */
  readonly bias:
    | { readonly mean: number; readonly n: number; readonly interval: IntervalEstimate | undefined }
    | undefined;
  /** Mean interval score of the 90 % intervals, and of the same intervals moved to "no change". Lower is better. */
  readonly intervalScore: { readonly mean: number; readonly noChange: number } | undefined;
  /** Of "it will be kept", and of always naming the share that was. Over all verdicts. Lower is better. */
  readonly brier:
    | { readonly mean: number; readonly shareKept: number; readonly constant: number; readonly n: number }
    | undefined;
  readonly alarm: Alarm;
}

export interface Alarm {
  /** "unknown" below MIN_PREDICTIONS. */
  readonly state: "unknown" | "ok" | "alarm";
  readonly covered: number;
  readonly n: number;
  /** At most so many held intervals of n raise it; undefined while unknown. */
  readonly alarmAt: number | undefined;
}

/** `settled` in the order in which the predictions were made. */
export function calibration(settled: readonly Settled[]): Calibration {
  const pairs = scored(settled);
  return {
    n: pairs.length,
    coverage50: coverage(pairs, "interval50"),
    coverage90: coverage(pairs, "interval90"),
    bias: bias(pairs),
    intervalScore: intervalScore(pairs),
    brier: brier(settled),
    alarm: alarm(pairs),
  };
}

function coverage(pairs: readonly Scored[], name: IntervalName): Coverage {
  const covered = pairs.filter(({ prediction, realised }) => covers(prediction.change, name, realised)).length;
  return { covered, n: pairs.length, band: wilsonInterval(covered, pairs.length) };
}

function bias(pairs: readonly Scored[]): Calibration["bias"] {
  const ratios = new RunningMean();
  for (const { prediction, realised } of pairs) {
    const { relative } = prediction.change;
    if (Math.abs(relative) >= SMALLEST_PROMISE) ratios.add(realised / relative);
  }
  if (ratios.n === 0) return undefined;
  return { mean: ratios.mean, n: ratios.n, interval: meanInterval(ratios) };
}

function intervalScore(pairs: readonly Scored[]): Calibration["intervalScore"] {
  if (pairs.length === 0) return undefined;
  const [ours, noChange] = [new RunningMean(), new RunningMean()];
  for (const { prediction, realised } of pairs) {
    const { relative, interval90 } = prediction.change;
    ours.add(winkler(interval90, realised));
    noChange.add(
      winkler({ ...interval90, low: interval90.low - relative, high: interval90.high - relative }, realised),
    );
  }
  return { mean: ours.mean, noChange: noChange.mean };
}

/** Interval score (Winkler 1972; Gneiting and Raftery 2007): the width, and 2/α for each unit the value lies outside. */
export function winkler({ low, high, level }: IntervalEstimate, value: number): number {
  const outside = Math.max(0, low - value, value - high);
  return high - low + (2 / (1 - level)) * outside;
}

function brier(settled: readonly Settled[]): Calibration["brier"] {
  const verified = settled.filter(({ outcome }) => outcome.relative !== undefined);
  if (verified.length === 0) return undefined;
  const score = new RunningMean();
  for (const { prediction, outcome } of verified) {
    score.add(brierBinary(probabilityOfGain(prediction), outcome.verdict === "kept"));
  }
  const shareKept = verified.filter(({ outcome }) => outcome.verdict === "kept").length / verified.length;
  return { mean: score.mean, shareKept, constant: shareKept * (1 - shareKept), n: verified.length };
}

const lowerIsBetter: ReadonlySet<Metric> = new Set<Metric>(["ttft_p50_ms"]);

/** What the prediction says of moving its metric the right way: a normal distribution through its 90 % interval. */
export function probabilityOfGain({ metric, change }: Pick<Prediction, "metric" | "change">): number {
  const better = lowerIsBetter.has(metric) ? -change.relative : change.relative;
  const half = halfWidthTowardsZero(change);
  if (half <= 0) return better > 0 ? 1 : better < 0 ? 0 : 0.5;
  return normalCdf((better / half) * normalQuantile(0.5 + change.interval90.level / 2));
}

/** The side on which "no change" lies. */
function halfWidthTowardsZero({ relative, interval90 }: PredictedChange): number {
  return relative > 0 ? relative - interval90.low : interval90.high - relative;
}

/** Raised where so few 90 % intervals held that chance alone does it in 5 % of cases: 15 of 20, 40 of 50. */
function alarm(pairs: readonly Scored[]): Alarm {
  const { covered, n } = coverage(pairs.slice(-ALARM_PREDICTIONS), "interval90");
  if (n < MIN_PREDICTIONS) return { state: "unknown", covered, n, alarmAt: undefined };
  const alarmAt = alarmThreshold(n);
  return { state: covered <= alarmAt ? "alarm" : "ok", covered, n, alarmAt };
}

/** The largest count of held 90 % intervals whose probability of that or less is at most 5 %. */
export function alarmThreshold(n: number): number {
  let count = n;
  while (count > 0 && binomialCdf(count, n, 0.9) > ALARM_PROBABILITY) count -= 1;
  return count;
}
