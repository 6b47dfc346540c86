// Percentile bootstrap of F1 over confusion counts (Efron 1979), items taken as independent. Resampling n items with
// replacement is one multinomial draw over the cells, so the cost depends on the number of cells and not on n.
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, type IntervalEstimate, quantile, type Random } from "@chimera/kernel";
import { binomial } from "./binomial.ts";
import { at, indexClasses } from "./class-counts.ts";
import { f1OfCounts } from "./classification.ts";
import type { Cell } from "./confusion.ts";

export interface F1BootstrapOptions {
  resamples: number;
  random: Random;
}

export interface F1Intervals {
  readonly macroF1: IntervalEstimate;
  readonly microF1: IntervalEstimate;
}

// Cells drawn between two turns of the event loop, about 10 ms of work.
const CELLS_PER_TURN = 100_000;

/** 2.5 % and 97.5 % quantiles of both scores over the same resamples. At least one item must be counted. */
export function bootstrapF1(cells: readonly Cell[], options: F1BootstrapOptions): F1Intervals {
  const steps = resampling(cells, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same figures, for cells so many that the other streams of the process must go on meanwhile. */
export async function bootstrapF1InTurns(cells: readonly Cell[], options: F1BootstrapOptions): Promise<F1Intervals> {
  const steps = resampling(cells, options);
  let drawn = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    drawn += cells.length;
    if (drawn < CELLS_PER_TURN) continue;
    drawn = 0;
    await nextTurn();
  }
}

/** One resample per step. */
function* resampling(
  cells: readonly Cell[],
  { resamples, random }: F1BootstrapOptions,
): Generator<void, F1Intervals, void> {
  const observed = Float64Array.from(cells, ({ count }) => count);
  const n = observed.reduce((sum, count) => sum + count, 0);
  assert(n > 0, "a bootstrap needs at least one counted item");
  const index = indexClasses(cells);
  const drawn = new Float64Array(observed.length);
  const macroF1 = new Float64Array(resamples);
  const microF1 = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    drawMultinomial(observed, drawn, { n, random });
    const scores = f1OfCounts(index, drawn);
    macroF1[resample] = scores.macroF1;
    microF1[resample] = scores.microF1;
    yield;
  }
  return { macroF1: middle(macroF1), microF1: middle(microF1) };
}

/** Fills `drawn` with n items in proportion to `weights`, which add up to n: a chain of conditional binomials. */
function drawMultinomial(
  weights: Float64Array,
  drawn: Float64Array,
  { n, random }: { n: number; random: Random },
): void {
  let weightLeft = n;
  let toDraw = n;
  for (let cell = 0; cell < weights.length; cell++) {
    const weight = at(weights, cell);
    const count = weightLeft === 0 ? 0 : binomial(toDraw, weight / weightLeft, random);
    drawn[cell] = count;
    weightLeft -= weight;
    toDraw -= count;
  }
}

function middle(scores: Float64Array): IntervalEstimate {
  scores.sort();
  return { low: quantile(scores, 0.025), high: quantile(scores, 0.975), level: 0.95 };
}
