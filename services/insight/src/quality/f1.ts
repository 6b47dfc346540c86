// F1 from confusion counts, as scikit-learn defines it with `labels` = the target classes and zero_division = 0. An answer
// that names no class costs its target recall and nobody precision.
import type { Cell } from "./confusion.ts";

export interface F1Scores {
  /** Mean of the classes' F1, every class alike; a class without a true positive counts as 0. */
  readonly macroF1: number;
  /** F1 of the pooled counts, 2 TP / (2 TP + FP + FN). Equals accuracy where every answer names a class. */
  readonly microF1: number;
}

interface ClassCounts {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
}

/** Every label that is the target of a cell is a class, even if the cell's count is 0. NaN where there is no cell. */
export function f1Scores(cells: readonly Cell[]): F1Scores {
  const classes = countByClass(cells);
  const pooled: ClassCounts = { truePositives: 0, falsePositives: 0, falseNegatives: 0 };
  let sum = 0;
  for (const counts of classes.values()) {
    sum += f1(counts);
    pooled.truePositives += counts.truePositives;
    pooled.falsePositives += counts.falsePositives;
    pooled.falseNegatives += counts.falseNegatives;
  }
  return classes.size === 0
    ? { macroF1: Number.NaN, microF1: Number.NaN }
    : { macroF1: sum / classes.size, microF1: f1(pooled) };
}

function f1({ truePositives, falsePositives, falseNegatives }: ClassCounts): number {
  const denominator = 2 * truePositives + falsePositives + falseNegatives;
  return denominator === 0 ? 0 : (2 * truePositives) / denominator;
}

function countByClass(cells: readonly Cell[]): ReadonlyMap<string, ClassCounts> {
  const classes = new Map<string, ClassCounts>();
  for (const { target } of cells) classes.set(target, { truePositives: 0, falsePositives: 0, falseNegatives: 0 });
  for (const { target, predicted, count } of cells) {
    const own = classes.get(target);
    const other = classes.get(predicted);
    if (own === undefined) continue;
    if (own === other) {
      own.truePositives += count;
    } else {
      own.falseNegatives += count;
      if (other !== undefined) other.falsePositives += count;
    }
  }
  return classes;
}
