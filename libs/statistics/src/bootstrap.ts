// Percentile bootstrap (Efron 1979) of every score over confusion counts, items taken as independent. Resampling n items with
// replacement is one multinomial draw over the cells, so the cost depends on the number of cells and not on n.
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, type IntervalEstimate, quantile, type Random } from "@chimera/kernel";
import { binomial } from "./binomial.ts";
import { at, indexClasses } from "./class-counts.ts";
import { type CellScores, scoresOfCounts } from "./classification.ts";
import type { Cell } from "./confusion.ts";

export interface BootstrapOptions {
  resamples: number;
  random: Random;
}

export type F1BootstrapOptions = BootstrapOptions;

/** 2.5 % and 97.5 % quantiles; undefined for a score that no resample had. */
export type ScoreIntervals = { readonly [score in keyof CellScores]: IntervalEstimate | undefined };

export interface F1Intervals {
  readonly macroF1: IntervalEstimate;
  readonly microF1: IntervalEstimate;
}

// Cells drawn between two turns of the event loop, about 10 ms of work.
const CELLS_PER_TURN = 100_000;
const SCORES = ["accuracy", "macroF1", "microF1", "weightedF1", "mcc", "kappa"] as const;

/** Intervals of all scores over the same resamples. At least one item must be counted. */
export function bootstrapScores(cells: readonly Cell[], options: BootstrapOptions): ScoreIntervals {
  const steps = resampling(cells, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same figures, for cells so many that the other streams of the process must go on meanwhile. */
export async function bootstrapScoresInTurns(
  cells: readonly Cell[],
  options: BootstrapOptions,
): Promise<ScoreIntervals> {
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

/** Both F1 scores alone. */
export function bootstrapF1(cells: readonly Cell[], options: F1BootstrapOptions): F1Intervals {
  return f1Alone(bootstrapScores(cells, options));
}

export async function bootstrapF1InTurns(cells: readonly Cell[], options: F1BootstrapOptions): Promise<F1Intervals> {
  return f1Alone(await bootstrapScoresInTurns(cells, options));
}

/** Holds what the resamples scored until the middle of each score is asked for. */
export class ResampledScores {
  readonly #values: ReadonlyMap<keyof CellScores, Float64Array>;
  #drawn = 0;

  constructor(resamples: number) {
    this.#values = new Map(SCORES.map((score) => [score, new Float64Array(resamples)]));
  }

  add(scores: CellScores): void {
    for (const [score, values] of this.#values) values[this.#drawn] = scores[score];
    this.#drawn += 1;
  }

  intervals(): ScoreIntervals {
    const of = (score: keyof CellScores) => middle(this.#values.get(score) ?? new Float64Array(0));
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

/** One resample per step. */
function* resampling(
  cells: readonly Cell[],
  { resamples, random }: BootstrapOptions,
): Generator<void, ScoreIntervals, void> {
  const observed = Float64Array.from(cells, ({ count }) => count);
  const n = observed.reduce((sum, count) => sum + count, 0);
  assert(n > 0, "a bootstrap needs at least one counted item");
  const index = indexClasses(cells);
  const drawn = new Float64Array(observed.length);
  const scores = new ResampledScores(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    drawMultinomial(observed, drawn, { n, random });
    scores.add(scoresOfCounts(index, drawn));
    yield;
  }
  return scores.intervals();
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

function middle(scores: Float64Array): IntervalEstimate | undefined {
  const known = scores.filter(Number.isFinite).sort();
  if (known.length === 0) return undefined;
  return { low: quantile(known, 0.025), high: quantile(known, 0.975), level: 0.95 };
}
