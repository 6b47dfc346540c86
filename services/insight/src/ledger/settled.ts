// Predictions beside what came of them: the pairs that every score of the past is made from.
import type { LoopState } from "./loop-state.ts";
import type { Outcome, PredictedChange, Prediction } from "./prediction.ts";

export interface Settled {
  readonly prediction: Prediction;
  readonly outcome: Outcome;
}

/** Where something was measured, so that the prediction can be held against it. */
export interface Scored extends Settled {
  readonly realised: number;
}

/** In the order in which the predictions were made. */
export function settledOf(loop: LoopState): readonly Settled[] {
  return [...loop.predictions.values()].flatMap(({ prediction, outcome }) =>
    outcome === undefined ? [] : [{ prediction, outcome }],
  );
}

export function scored(settled: readonly Settled[]): readonly Scored[] {
  return settled.flatMap((one) =>
    one.outcome.relative === undefined ? [] : [{ ...one, realised: one.outcome.relative }],
  );
}

export type IntervalName = "interval50" | "interval90";

export function covers(change: PredictedChange, name: IntervalName, realised: number): boolean {
  const { low, high } = change[name];
  return realised >= low && realised <= high;
}
