// Percentile bootstrap of the F1 scores (Efron 1979). An item is no more than its cell in the confusion table, so a
// resample draws n cells in proportion to their counts; items are taken as independent.
import { setImmediate as nextTurn } from "node:timers/promises";
import { type IntervalEstimate, quantile, type Random } from "@chimera/kernel";
import { f1Scores } from "../scorer/classification.ts";
import type { ConfusionCounts } from "../scorer/confusion.ts";
import { aliasTable } from "./alias-table.ts";

export interface F1Intervals {
  macroF1: IntervalEstimate;
  microF1: IntervalEstimate;
}

export interface BootstrapOptions {
  resamples: number;
  random: Random;
  // Default 0.95.
  level?: number;
}

// Draws between two turns of the event loop, about 10 ms of work: other streams of the process go on.
const DRAWS_PER_TURN = 500_000;

/** Intervals of macro and micro F1. Work is n × resamples draws; `counts` must not be empty. */
export async function bootstrapF1(counts: ConfusionCounts, options: BootstrapOptions): Promise<F1Intervals> {
  const { resamples, random, level = 0.95 } = options;
  const draw = aliasTable(counts.cells, random);
  const cells = new Uint32Array(counts.cells.length);
  const macro = new Float64Array(resamples);
  const micro = new Float64Array(resamples);
  let draws = 0;
  for (let resample = 0; resample < resamples; resample++) {
    cells.fill(0);
    for (let i = 0; i < counts.total; i++) {
      const cell = draw();
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const scores = f1Scores(cells, counts.labels.length);
    macro[resample] = scores.macroF1;
    micro[resample] = scores.microF1;
    draws += counts.total;
    if (draws >= DRAWS_PER_TURN) {
      draws = 0;
      await nextTurn();
    }
  }
  return { macroF1: percentiles(macro, level), microF1: percentiles(micro, level) };
}

function percentiles(values: Float64Array, level: number): IntervalEstimate {
  const sorted = values.toSorted();
  const tail = (1 - level) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail), level };
}
