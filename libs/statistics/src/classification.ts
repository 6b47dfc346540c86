// Accuracy, precision, recall, F1, Matthews correlation and Cohen's kappa from confusion counts, as scikit-learn defines them.
// Parity tests hold the two together.
import { assert } from "@chimera/kernel";
import { at, type ClassCounts, type ClassIndex, countByClass, indexClasses } from "./class-counts.ts";
import type { Cell, Confusion } from "./confusion.ts";

export interface ClassScore {
  label: string;
  precision: number;
  recall: number;
  f1: number;
  /** Items with this target. */
  support: number;
}

export interface F1Scores {
  /** Mean of the classes' F1, every class alike; a class that was never answered right counts as 0. */
  macroF1: number;
  /** F1 of the pooled counts. Equals accuracy where every answer names a class; an answer that names none costs recall alone. */
  microF1: number;
  /** Mean of the classes' F1 in proportion to their items. */
  weightedF1: number;
}

export interface Agreement {
  /** Matthews 1975, for many classes Gorodkin 2004. 0 where one side never varies. */
  mcc: number;
  /** Cohen 1960. NaN where chance alone would agree always. */
  kappa: number;
}

/** Every score that one pass over the counts gives. */
export interface CellScores extends F1Scores, Agreement {
  accuracy: number;
}

export interface Classification extends CellScores {
  /** Sorted by label; empty for free text, which has no F1 either (NaN). */
  classes: readonly ClassScore[];
}

export interface ClassificationOptions {
  /**
   * What is scored; every label that is the target of a cell, even of one that counts 0, where it is left out. MCC and kappa
   * suppose that every target is among them.
   */
  labels?: readonly string[];
  /** Value of a ratio whose denominator is 0. */
  zeroDivision?: 0 | 1;
}

/** Every figure of the answers counted. Without any answer the ratios over all of them are NaN. */
export function classify(confusion: Confusion, options: ClassificationOptions = {}): Classification {
  const cells = confusion.cells();
  const index = indexClasses(cells, options.labels);
  const counts = countByClass(index, countsOf(cells));
  const zero = options.zeroDivision ?? 0;
  return {
    ...scoresOf(counts, zero),
    // Known for free text too, which has no cells.
    accuracy: confusion.n === 0 ? Number.NaN : confusion.correct / confusion.n,
    classes: index.labels.map((label, classAt) => classScore(label, classAt, { counts, zero })),
  };
}

/** NaN where there is no cell. */
export function f1Scores(cells: readonly Cell[], options: ClassificationOptions = {}): F1Scores {
  return f1Of(countByClass(indexClasses(cells, options.labels), countsOf(cells)), options.zeroDivision ?? 0);
}

/** All scores of cells. */
export function cellScores(cells: readonly Cell[], options: ClassificationOptions = {}): CellScores {
  return scoresOf(countByClass(indexClasses(cells, options.labels), countsOf(cells)), options.zeroDivision ?? 0);
}

/** Scores of cells that are indexed already; `counts` holds the items of each. */
export function scoresOfCounts(index: ClassIndex, counts: ArrayLike<number>): CellScores {
  return scoresOf(countByClass(index, counts), 0);
}

/** F1 of one class against all others. */
export function binaryF1(cells: readonly Cell[], positive: string, zeroDivision: 0 | 1 = 0): number {
  return f1Scores(cells, { labels: [positive], zeroDivision }).macroF1;
}

/** Agreement of two raters, or of answers and targets: every label is a class, on either side. */
export function agreement(cells: readonly Cell[]): Agreement {
  return agreementOf(countByClass(indexClasses(cells), countsOf(cells)), predictionSquares(cells));
}

function scoresOf(counts: ClassCounts, zero: number): CellScores {
  const n = sumOf(counts.predicted);
  // Answers that name no class are one class of their own.
  const squares = counts.predicted.reduce((sum, count) => sum + count * count, 0);
  return { ...f1Of(counts, zero), ...agreementOf(counts, squares), accuracy: sumOf(counts.truePositives) / n };
}

function f1Of({ truePositives, predicted, support }: ClassCounts, zero: number): F1Scores {
  const classCount = support.length;
  if (classCount === 0) return { macroF1: Number.NaN, microF1: Number.NaN, weightedF1: Number.NaN };
  let [sumOfF1, weighted, hits, items, answersAndItems] = [0, 0, 0, 0, 0];
  for (let i = 0; i < classCount; i++) {
    const both = at(predicted, i) + at(support, i);
    const f1 = ratio(2 * at(truePositives, i), both, zero);
    sumOfF1 += f1;
    weighted += f1 * at(support, i);
    hits += at(truePositives, i);
    items += at(support, i);
    answersAndItems += both;
  }
  return {
    macroF1: sumOfF1 / classCount,
    microF1: ratio(2 * hits, answersAndItems, zero),
    weightedF1: ratio(weighted, items, answersAndItems === 0 ? zero : 0),
  };
}

function agreementOf({ truePositives, predicted, support }: ClassCounts, predictionSquares: number): Agreement {
  const n = sumOf(predicted);
  const hits = sumOf(truePositives);
  let [byChance, targetSquares] = [0, 0];
  for (let i = 0; i < support.length; i++) {
    byChance += at(support, i) * at(predicted, i);
    targetSquares += at(support, i) ** 2;
  }
  const spread = (n * n - targetSquares) * (n * n - predictionSquares);
  const above = hits * n - byChance;
  const room = n * n - byChance;
  return {
    mcc: spread <= 0 ? (n === 0 ? Number.NaN : 0) : above / Math.sqrt(spread),
    kappa: room === 0 ? Number.NaN : above / room,
  };
}

function predictionSquares(cells: readonly Cell[]): number {
  const counts = new Map<string, number>();
  for (const { predicted, count } of cells) counts.set(predicted, (counts.get(predicted) ?? 0) + count);
  return [...counts.values()].reduce((sum, count) => sum + count * count, 0);
}

function classScore(
  label: string,
  classAt: number,
  { counts, zero }: { counts: ClassCounts; zero: number },
): ClassScore {
  const hits = at(counts.truePositives, classAt);
  const predicted = at(counts.predicted, classAt);
  const support = at(counts.support, classAt);
  return {
    label,
    precision: ratio(hits, predicted, zero),
    recall: ratio(hits, support, zero),
    f1: ratio(2 * hits, predicted + support, zero),
    support,
  };
}

function countsOf(cells: readonly Cell[]): readonly number[] {
  return cells.map(({ count }) => count);
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function ratio(part: number, whole: number, zero: number): number {
  assert(whole >= 0, `a count can not be below 0, got ${whole}`);
  return whole === 0 ? zero : part / whole;
}
