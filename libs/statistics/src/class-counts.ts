// Confusion cells with numbers in place of labels, and what they add up to per class. Labels are looked up once, so a
// bootstrap can count a thousand resamples of the same cells cheaply.
import type { Cell } from "./confusion.ts";

export interface ClassIndex {
  /** The scored labels. */
  readonly labels: readonly string[];
  /** Per cell, the index of its target in `labels`; `labels.length` where it is not scored. */
  readonly targetOf: Uint32Array;
  /** Per cell, the index of its prediction; `labels.length` where the answer names no class. */
  readonly predictionOf: Uint32Array;
}

export interface ClassCounts {
  readonly truePositives: Float64Array;
  /** Answers that name the class; the slot after the last class counts those that name none. */
  readonly predicted: Float64Array;
  /** Items with this target. */
  readonly support: Float64Array;
}

/** Without `labels`, every label that is the target of a cell is scored, in the order of the cells. */
export function indexClasses(cells: readonly Cell[], labels: readonly string[] = targetsOf(cells)): ClassIndex {
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  const find = (label: string) => indexOf.get(label) ?? labels.length;
  return {
    labels,
    targetOf: Uint32Array.from(cells, ({ target }) => find(target)),
    predictionOf: Uint32Array.from(cells, ({ predicted }) => find(predicted)),
  };
}

/** `counts` holds the items of each cell, in the order of the cells that were indexed. */
export function countByClass({ labels, targetOf, predictionOf }: ClassIndex, counts: ArrayLike<number>): ClassCounts {
  const truePositives = new Float64Array(labels.length);
  const predicted = new Float64Array(labels.length + 1);
  const support = new Float64Array(labels.length + 1);
  for (let cell = 0; cell < targetOf.length; cell++) {
    const target = at(targetOf, cell);
    const prediction = at(predictionOf, cell);
    const count = at(counts, cell);
    support[target] = at(support, target) + count;
    predicted[prediction] = at(predicted, prediction) + count;
    if (target === prediction && target < labels.length) truePositives[target] = at(truePositives, target) + count;
  }
  return { truePositives, predicted, support: support.subarray(0, labels.length) };
}

/** Every label of a cell, target or prediction; scikit-learn scores these where it is told nothing else. */
export function allLabels(cells: readonly Cell[]): readonly string[] {
  return [...new Set(cells.flatMap(({ target, predicted }) => [target, predicted]))].sort();
}

function targetsOf(cells: readonly Cell[]): readonly string[] {
  return [...new Set(cells.map(({ target }) => target))];
}

/** Every array here is as long as its cells or classes; the index is always inside. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}
