// Percentile bootstrap of F1 over confusion counts. Resampling n items with replacement is one multinomial draw over
// the cells, so the cost depends on the number of cells and not on n.
import { type IntervalEstimate, quantile, type Random } from "@chimera/kernel";
import type { Cell } from "./confusion.ts";
import { f1Scores } from "./f1.ts";

export const RESAMPLES = 1000;

export interface F1Intervals {
  readonly macroF1: IntervalEstimate;
  readonly microF1: IntervalEstimate;
}

/** 2.5 % and 97.5 % quantiles of both scores over the same 1,000 resamples. */
export function bootstrapF1(cells: readonly Cell[], random: Random): F1Intervals {
  const macroF1 = new Float64Array(RESAMPLES);
  const microF1 = new Float64Array(RESAMPLES);
  for (let index = 0; index < RESAMPLES; index += 1) {
    const scores = f1Scores(resample(cells, random));
    macroF1[index] = scores.macroF1;
    microF1[index] = scores.microF1;
  }
  return { macroF1: middle(macroF1), microF1: middle(microF1) };
}

function middle(scores: Float64Array): IntervalEstimate {
  scores.sort();
  return { low: quantile(scores, 0.025), high: quantile(scores, 0.975), level: 0.95 };
}

/** Multinomial draw as a chain of conditional binomials. */
function resample(cells: readonly Cell[], random: Random): readonly Cell[] {
  let remaining = cells.reduce((sum, cell) => sum + cell.count, 0);
  let toDraw = remaining;
  return cells.map((cell) => {
    const count = remaining === 0 ? 0 : binomial(toDraw, cell.count / remaining, random);
    remaining -= cell.count;
    toDraw -= count;
    return { ...cell, count };
  });
}

/** Successes of n trials. Exact by inversion while the variance is small, else the rounded normal approximation. */
export function binomial(n: number, p: number, random: Random): number {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  const variance = n * p * (1 - p);
  if (variance < 25) return byInversion(n, p, random);
  return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(variance) * normal(random))));
}

/** Sequential search of the distribution function (Devroye 1986, X.4). With variance below 25 and p <= 1/2, (1-p)^n is never 0. */
function byInversion(n: number, p: number, random: Random): number {
  const odds = p / (1 - p);
  let mass = (1 - p) ** n;
  let u = random();
  let successes = 0;
  while (u > mass && successes < n) {
    u -= mass;
    successes += 1;
    mass *= (odds * (n - successes + 1)) / successes;
  }
  return successes;
}

/** Standard normal (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
