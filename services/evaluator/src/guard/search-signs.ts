// Early signs in how a search goes: gaps between the sides of a data set, a search that only learns its own items, a holdout
// worn out by looks, and gains that chance alone could give.
import { RunningMean } from "@chimera/statistics";
import { alphaOf } from "./holdout-meter.ts";
import { type Sign, stateOf, unknown } from "./sign.ts";

export interface SplitGap {
  /** Which sides, for example "validation - holdout". */
  readonly sides: string;
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** The same gap in earlier runs, the oldest first. */
  readonly earlier: readonly number[];
}

/** Sides have different items, so the gap is not paired. */
export function splitGapSign({ sides, left, right, earlier }: SplitGap): Sign {
  const [a, b] = [summed(left), summed(right)];
  const value = a.mean - b.mean;
  const isWide = value > 2 * Math.hypot(a.standardError, b.standardError);
  const [first, second] = earlier.slice(-2);
  const isGrowing = first !== undefined && second !== undefined && first < second && second < value;
  const n = a.n + b.n;
  return {
    name: `gap ${sides}`,
    ...(Math.min(a.n, b.n) < 2
      ? unknown(n)
      : { value, n, state: stateOf({ watch: isWide, alarm: isWide && isGrowing }) }),
    rule: "watch above 2 standard errors; alarm where it also grew over the last 3 runs",
    mitigation: "choose among fewer configurations, or on more items; report the later side alone",
  };
}

export interface SearchHistory {
  /** Best validation score so far, after each trial. */
  readonly bestValidation: readonly number[];
  /** Holdout scores of the same configurations; from looks that were paid for. */
  readonly holdout: readonly number[];
  /** Standard error of one holdout score. */
  readonly standardError: number;
  readonly trials?: number;
}

const FLAT_OVER_TRIALS = 10;

export function flatHoldoutSign({
  bestValidation,
  holdout,
  standardError,
  trials = FLAT_OVER_TRIALS,
}: SearchHistory): Sign {
  const n = Math.min(bestValidation.length, holdout.length);
  const rise = (scores: readonly number[]) => (scores[n - 1] ?? 0) - (scores[n - 1 - trials] ?? 0);
  const [validationRise, holdoutRise] = [rise(bestValidation), rise(holdout)];
  const parts = validationRise > standardError && holdoutRise < standardError / 2;
  const state = stateOf({ watch: parts, alarm: parts && holdoutRise <= 0 });
  return {
    name: "validation rises, holdout flat",
    ...(n <= trials ? unknown(n) : { value: validationRise - holdoutRise, n, state }),
    rule: `over ${trials} trials validation rose by more than 1 standard error and holdout by less than half of one; alarm where it did not rise`,
    mitigation: "stop the search and keep the configuration from before the parting",
  };
}

export function holdoutBudgetSign({ looks, budget }: { looks: number; budget: number }): Sign {
  const value = looks / budget;
  return {
    name: "share of holdout looks spent",
    value,
    n: looks,
    rule: "watch from 0.5, alarm from 0.8",
    state: stateOf({ watch: value >= 0.5, alarm: value >= 0.8 }),
    mitigation: `collect fresh labelled items; the next test here is at level ${alphaOf(looks + 1).toPrecision(2)}`,
  };
}

/** Gains of the same proposal under different seeds. */
export function seedVarianceSign(gains: readonly number[], claimedGain: number): Sign {
  const seeds = summed(gains);
  const value = Math.sqrt(seeds.variance);
  return {
    name: "seed variance against the gain",
    ...(seeds.n < 3
      ? unknown(seeds.n)
      : { value, n: seeds.n, state: stateOf({ watch: value > claimedGain / 2, alarm: value >= claimedGain }) }),
    rule: "standard deviation of the gain over seeds: watch above half of the claimed gain, alarm from all of it",
    mitigation: "average over more seeds or votes, or lower the temperature, and measure again",
  };
}

export interface OnlineGain {
  readonly predicted: number;
  readonly realised: number;
  readonly standardError: number;
  readonly n: number;
}

export function unseenOnlineSign({ predicted, realised, standardError, n }: OnlineGain): Sign {
  const value = realised / predicted;
  const highest = (realised + 1.96 * standardError) / predicted;
  return {
    name: "realised over predicted gain",
    ...(n < 2 || predicted <= 0
      ? unknown(n)
      : { value, n, state: stateOf({ watch: value < 0.5, alarm: highest < 1 }) }),
    rule: "watch below 0.5; alarm where its 95 % interval lies below 1",
    mitigation: "roll back; correct the next predictions by this ratio, and refresh the data sets from live items",
  };
}

function summed(values: readonly number[]): RunningMean {
  const summary = new RunningMean();
  for (const each of values) summary.add(each);
  return summary;
}
