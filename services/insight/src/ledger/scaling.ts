// Intervals made as wide as past ones should have been: conformal scaling (Papadopoulos et al. 2008; Lei et al. 2018). A method
// that was too sure of itself is believed less from then on, whatever its formula says.
import type { IntervalEstimate } from "@chimera/kernel";
import type { PredictedChange, Prediction } from "./prediction.ts";
import { type IntervalName, type Scored, type Settled, scored } from "./settled.ts";

/** Newest past predictions that are looked at: a method that was mended is trusted again after as many. */
const MAX_HISTORY = 200;
/** From here on a remedy is judged by its own past alone, and an interval may become narrower as well. */
const ENOUGH = 20;
/** An interval of no width says nothing about how far off it was. */
const NARROWEST = 1e-9;

/** `change` as its method gave it; `history` in the order in which the predictions were made. */
export function widened(change: PredictedChange, history: readonly Settled[], remedy?: string): PredictedChange {
  const past = relevant(scored(history), remedy);
  const interval50 = scaled(change, "interval50", past);
  const wide = scaled(change, "interval90", past);
  // What holds nine times of ten is no narrower than what holds every second time.
  const interval90 = { ...wide, low: Math.min(wide.low, interval50.low), high: Math.max(wide.high, interval50.high) };
  return { ...change, interval50, interval90 };
}

/** The prediction with scaled intervals, and beside them those of its method, which later scales are computed from. */
export function calibrated(prediction: Prediction, history: readonly Settled[]): Prediction {
  const unscaled = prediction.unscaled ?? prediction.change;
  return { ...prediction, change: widened(unscaled, history, prediction.remedy), unscaled };
}

function relevant(past: readonly Scored[], remedy: string | undefined): readonly Scored[] {
  const own = past.filter(({ prediction }) => prediction.remedy === remedy);
  return (own.length >= ENOUGH ? own : past).slice(-MAX_HISTORY);
}

function scaled(change: PredictedChange, name: IntervalName, past: readonly Scored[]): IntervalEstimate {
  const { relative } = change;
  const { low, high, level } = change[name];
  const factor = scaleOf(past, name, level);
  return { low: relative - factor * (relative - low), high: relative + factor * (high - relative), level };
}

/**
 * The ⌈(n + 1) level⌉-th smallest of |realised - predicted| ÷ half-width, the half-width being that of the side it fell on.
 * Where there are too few for that rank, the largest. Below ENOUGH it never makes an interval narrower.
 */
function scaleOf(past: readonly Scored[], name: IntervalName, level: number): number {
  if (past.length === 0) return 1;
  const ratios = past.map((one) => missRatio(one, name)).sort((a, b) => a - b);
  const rank = Math.min(ratios.length, Math.ceil((ratios.length + 1) * level));
  const factor = ratios[rank - 1] ?? 1;
  return past.length < ENOUGH ? Math.max(1, factor) : factor;
}

function missRatio({ prediction, realised }: Scored, name: IntervalName): number {
  const change = prediction.unscaled ?? prediction.change;
  const { low, high } = change[name];
  const miss = realised - change.relative;
  const half = miss < 0 ? change.relative - low : high - change.relative;
  return Math.abs(miss) / Math.max(half, NARROWEST);
}
