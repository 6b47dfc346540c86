// From resampled scores to intervals: bias-corrected and accelerated (BCa, Efron 1987), with the quantiles of Student's t and the
// factor n/(n-1) that a variance of few items lacks (Hesterberg 2015). F1 is a bent and skewed function of the counts: plain
// percentiles hold it too rarely where items are few.
import { type IntervalEstimate, normalQuantile, quantile } from "@chimera/kernel";
import type { CellScores } from "./classification.ts";
import { normalCdf, tQuantile } from "./distributions.ts";

/** How the intervals are named where they are told. */
export const BOOTSTRAP_INTERVAL = "BCa widened for few items";

/** Undefined for a score that no resample had. */
export type ScoreIntervals = { readonly [score in keyof CellScores]: IntervalEstimate | undefined };

/** Units that are left out one by one. With more the acceleration is next to nothing, and finding it would cost the most. */
export const MAX_LEFT_OUT = 5000;

const SCORES = ["accuracy", "macroF1", "microF1", "weightedF1", "mcc", "kappa"] as const;
type Score = (typeof SCORES)[number];
const LEVEL = 0.95;

/** Skewness of what a single unit does to each score, by the jackknife. Holds the score without each kind of unit. */
export class Acceleration {
  readonly #leftOut: { scores: CellScores; weight: number }[] = [];

  /** `scores` without one unit; `weight` units are alike. */
  add(scores: CellScores, weight = 1): void {
    this.#leftOut.push({ scores, weight });
  }

  of(score: Score): number {
    const known = this.#leftOut.filter(({ scores }) => Number.isFinite(scores[score]));
    const units = known.reduce((sum, { weight }) => sum + weight, 0);
    const mean = known.reduce((sum, { scores, weight }) => sum + weight * scores[score], 0) / units;
    let [squares, cubes] = [0, 0];
    for (const { scores, weight } of known) {
      const moved = mean - scores[score];
      squares += weight * moved ** 2;
      cubes += weight * moved ** 3;
    }
    return squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
  }
}

export interface Correction {
  observed: CellScores;
  acceleration: Acceleration;
  /** Independent of each other: items, or clusters. */
  units: number;
}

/** Holds what the resamples scored until the middle of each score is asked for. */
export class ResampledScores {
  readonly #values: ReadonlyMap<Score, Float64Array>;
  #drawn = 0;

  constructor(resamples: number) {
    this.#values = new Map(SCORES.map((score) => [score, new Float64Array(resamples)]));
  }

  add(scores: CellScores): void {
    for (const [score, values] of this.#values) values[this.#drawn] = scores[score];
    this.#drawn += 1;
  }

  intervals({ observed, acceleration, units }: Correction): ScoreIntervals {
    const z = widened(units);
    const of = (score: Score) => {
      const values = this.#values.get(score) ?? new Float64Array(0);
      return middle(values, { observed: observed[score], acceleration: acceleration.of(score), z });
    };
    return {
      accuracy: of("accuracy"),
      macroF1: of("macroF1"),
      microF1: of("microF1"),
      weightedF1: of("weightedF1"),
      mcc: of("mcc"),
      kappa: of("kappa"),
    };
  }
}

/** Half the width of the interval, in standard errors of the resamples. */
function widened(units: number): number {
  const p = (1 + LEVEL) / 2;
  return units < 2 ? normalQuantile(p) : tQuantile(p, units - 1) * Math.sqrt(units / (units - 1));
}

function middle(
  values: Float64Array,
  { observed, acceleration, z }: { observed: number; acceleration: number; z: number },
): IntervalEstimate | undefined {
  const known = values.filter(Number.isFinite).sort();
  if (known.length === 0) return undefined;
  const bias = biasOf(known, observed);
  const end = (side: number) => {
    const moved = bias + side * z;
    const room = 1 - acceleration * moved;
    // So skewed that the formula turns over: the bias alone is corrected then.
    return quantile(known, normalCdf(bias + (room > 0 ? moved / room : moved)));
  };
  // Where nearly every resample lies on one side of the score, both ends would.
  const [low, high] = Number.isFinite(observed)
    ? [Math.min(end(-1), observed), Math.max(end(1), observed)]
    : [end(-1), end(1)];
  return { low, high, level: LEVEL };
}

/** Where the observed score stands among the resamples, as a normal quantile; 0 in their middle. */
function biasOf(sorted: Float64Array, observed: number): number {
  const half = 1 / (2 * sorted.length);
  const share = sorted.reduce((sum, value) => sum + (value < observed ? 2 : value === observed ? 1 : 0), 0) * half;
  return normalQuantile(Math.min(1 - half, Math.max(half, share)));
}
