// Accuracy, precision, recall and F1 from confusion counts, as scikit-learn defines them with `labels` = the target
// classes and zero_division = 0: a ratio without a denominator is 0. A parity test holds the two together.
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
}

export interface Classification extends F1Scores {
  accuracy: number;
  /** Sorted by label; empty for free text, which has no F1 either (NaN). */
  classes: readonly ClassScore[];
}

/** Every figure of the answers counted. Without any answer the ratios over all of them are NaN. */
export function classify(confusion: Confusion): Classification {
  const cells = confusion.cells();
  const index = indexClasses(cells);
  const counts = countByClass(index, countsOf(cells));
  return {
    accuracy: confusion.n === 0 ? Number.NaN : confusion.correct / confusion.n,
    classes: index.labels.map((label, classAt) => classScore(label, classAt, counts)),
    ...f1Of(counts),
  };
}

/** Every label that is the target of a cell is a class, even if the cell's count is 0. NaN where there is no cell. */
export function f1Scores(cells: readonly Cell[]): F1Scores {
  return f1OfCounts(indexClasses(cells), countsOf(cells));
}

/** f1Scores for cells that are indexed already; `counts` holds the items of each. */
export function f1OfCounts(index: ClassIndex, counts: ArrayLike<number>): F1Scores {
  return f1Of(countByClass(index, counts));
}

function f1Of({ truePositives, predicted, support }: ClassCounts): F1Scores {
  const classCount = support.length;
  if (classCount === 0) return { macroF1: Number.NaN, microF1: Number.NaN };
  let sumOfF1 = 0;
  let hits = 0;
  let answersAndItems = 0;
  for (let i = 0; i < classCount; i++) {
    const both = at(predicted, i) + at(support, i);
    sumOfF1 += ratio(2 * at(truePositives, i), both);
    hits += at(truePositives, i);
    answersAndItems += both;
  }
  return { macroF1: sumOfF1 / classCount, microF1: ratio(2 * hits, answersAndItems) };
}

function classScore(label: string, classAt: number, counts: ClassCounts): ClassScore {
  const hits = at(counts.truePositives, classAt);
  const predicted = at(counts.predicted, classAt);
  const support = at(counts.support, classAt);
  return {
    label,
    precision: ratio(hits, predicted),
    recall: ratio(hits, support),
    f1: ratio(2 * hits, predicted + support),
    support,
  };
}

function countsOf(cells: readonly Cell[]): readonly number[] {
  return cells.map(({ count }) => count);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
