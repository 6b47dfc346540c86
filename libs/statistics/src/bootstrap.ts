// Bootstrap of every score over confusion counts, items taken as independent. Resampling n items with replacement is one
// multinomial draw over the cells, so the cost depends on the number of cells and not on n. The interval is in resampled-scores.ts.
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, type IntervalEstimate, type Random } from "@chimera/kernel";
import { binomial } from "./binomial.ts";
import { at, type ClassIndex, indexClasses } from "./class-counts.ts";
import { scoresOfCounts } from "./classification.ts";
import type { Cell } from "./confusion.ts";
import { Acceleration, MAX_LEFT_OUT, ResampledScores, type ScoreIntervals } from "./resampled-scores.ts";

export interface BootstrapOptions {
  resamples: number;
  random: Random;
}

export type F1BootstrapOptions = BootstrapOptions;

export interface F1Intervals {
  readonly macroF1: IntervalEstimate;
  readonly microF1: IntervalEstimate;
}

// Cells drawn between two turns of the event loop, about 10 ms of work.
const CELLS_PER_TURN = 100_000;

/** Intervals of all scores over the same resamples. At least one item must be counted. */
export function bootstrapScores(cells: readonly Cell[], options: BootstrapOptions): ScoreIntervals {
  return atOnce(resampling(cells, options));
}

/** The same figures, for cells so many that the other streams of the process must go on meanwhile. */
export function bootstrapScoresInTurns(cells: readonly Cell[], options: BootstrapOptions): Promise<ScoreIntervals> {
  return inTurns(resampling(cells, options));
}

/** Every step tells how many cells it visited. */
export type BootstrapSteps = Generator<number, ScoreIntervals, void>;

export function atOnce(steps: BootstrapSteps): ScoreIntervals {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export async function inTurns(steps: BootstrapSteps): Promise<ScoreIntervals> {
  let visited = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    visited += step.value;
    if (visited < CELLS_PER_TURN) continue;
    visited = 0;
    await nextTurn();
  }
}

/** Both F1 scores alone. */
export function bootstrapF1(cells: readonly Cell[], options: F1BootstrapOptions): F1Intervals {
  return f1Alone(bootstrapScores(cells, options));
}

export async function bootstrapF1InTurns(cells: readonly Cell[], options: F1BootstrapOptions): Promise<F1Intervals> {
  return f1Alone(await bootstrapScoresInTurns(cells, options));
}

/** One resample per step. */
function* resampling(cells: readonly Cell[], { resamples, random }: BootstrapOptions): BootstrapSteps {
  const observed = Float64Array.from(cells, ({ count }) => count);
  const n = observed.reduce((sum, count) => sum + count, 0);
  assert(n > 0, "a bootstrap needs at least one counted item");
  const index = indexClasses(cells);
  const drawn = new Float64Array(observed.length);
  const scores = new ResampledScores(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    drawMultinomial(observed, drawn, { n, random });
    scores.add(scoresOfCounts(index, drawn));
    yield observed.length;
  }
  const acceleration = yield* accelerationOf(observed, index);
  return scores.intervals({ observed: scoresOfCounts(index, observed), acceleration, units: n });
}

/** Items of one cell are alike: each is left out once for all of them. */
function* accelerationOf(observed: Float64Array, index: ClassIndex): Generator<number, Acceleration, void> {
  const acceleration = new Acceleration();
  if (observed.length > MAX_LEFT_OUT) return acceleration;
  const left = Float64Array.from(observed);
  for (const [cell, count] of observed.entries()) {
    if (count === 0) continue;
    left[cell] = count - 1;
    acceleration.add(scoresOfCounts(index, left), count);
    left[cell] = count;
    yield observed.length;
  }
  return acceleration;
}

/** Fills `drawn` with n items in proportion to `weights`, which add up to `total` (n where it is left out): a chain of conditional binomials. */
export function drawMultinomial(
  weights: Float64Array,
  drawn: Float64Array,
  { n, random, total = n }: { n: number; random: Random; total?: number },
): void {
  let weightLeft = total;
  let toDraw = n;
  for (let cell = 0; cell < weights.length; cell++) {
    const weight = at(weights, cell);
    const count = weightLeft <= 0 ? 0 : binomial(toDraw, weight / weightLeft, random);
    drawn[cell] = count;
    weightLeft -= weight;
    toDraw -= count;
  }
}

function f1Alone({ macroF1, microF1 }: ScoreIntervals): F1Intervals {
  const none = { low: Number.NaN, high: Number.NaN, level: 0.95 };
  return { macroF1: macroF1 ?? none, microF1: microF1 ?? none };
}
