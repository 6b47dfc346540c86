// Accuracy, precision, recall and F1 from confusion counts, as scikit-learn defines them: `labels` are the target
// classes, and a ratio without a denominator is 0 (zero_division=0). A parity test holds the two together.
import type { ConfusionCounts } from "./confusion.ts";

export interface ClassScore {
  label: string;
  precision: number;
  recall: number;
  f1: number;
  // Items with this target.
  support: number;
}

export interface F1Scores {
  // Mean of the classes' F1, every class alike.
  macroF1: number;
  // F1 of the summed counts. Equals accuracy where every answer names a class; an answer that names none costs recall alone.
  microF1: number;
}

export interface Classification extends F1Scores {
  correct: number;
  accuracy: number;
  classes: readonly ClassScore[];
}

export function classify(counts: ConfusionCounts): Classification {
  const tallies = tally(counts.cells, counts.labels.length);
  const correct = tallies.truePositives.reduce((sum, count) => sum + count, 0);
  const classes = counts.labels.map((label, index) => classScore(label, index, tallies));
  return { correct, accuracy: ratio(correct, counts.total), classes, ...f1Scores(counts.cells, counts.labels.length) };
}

/** The two F1 scores of a table of counts, laid out as in ConfusionCounts. */
export function f1Scores(cells: Uint32Array, classCount: number): F1Scores {
  const { truePositives, predicted, support } = tally(cells, classCount);
  let sumOfF1 = 0;
  let hits = 0;
  let answersAndItems = 0;
  for (let i = 0; i < classCount; i++) {
    const both = at(predicted, i) + at(support, i);
    sumOfF1 += ratio(2 * at(truePositives, i), both);
    hits += at(truePositives, i);
    answersAndItems += both;
  }
  return { macroF1: ratio(sumOfF1, classCount), microF1: ratio(2 * hits, answersAndItems) };
}

interface Tallies {
  truePositives: Uint32Array;
  predicted: Uint32Array;
  support: Uint32Array;
}

function tally(cells: Uint32Array, classCount: number): Tallies {
  const truePositives = new Uint32Array(classCount);
  const predicted = new Uint32Array(classCount);
  const support = new Uint32Array(classCount);
  const columns = classCount + 1;
  for (let row = 0; row < classCount; row++) {
    for (let column = 0; column < columns; column++) {
      const count = at(cells, row * columns + column);
      support[row] = at(support, row) + count;
      if (column < classCount) predicted[column] = at(predicted, column) + count;
      if (column === row) truePositives[row] = count;
    }
  }
  return { truePositives, predicted, support };
}

function classScore(label: string, index: number, tallies: Tallies): ClassScore {
  const hits = at(tallies.truePositives, index);
  const predicted = at(tallies.predicted, index);
  const support = at(tallies.support, index);
  return {
    label,
    precision: ratio(hits, predicted),
    recall: ratio(hits, support),
    f1: ratio(2 * hits, predicted + support),
    support,
  };
}

function at(counts: Uint32Array, index: number): number {
  return counts[index] ?? 0;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
