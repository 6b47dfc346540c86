// Counts of (target, predicted) pairs: all that accuracy, F1 and their bootstrap need, in bounded space however many
// answers.
import { assert } from "@chimera/kernel";

/** Distinct pairs counted apart where nothing else is asked for. */
const DEFAULT_MAX_CELLS = 5000;

export interface Cell {
  readonly target: string;
  readonly predicted: string;
  readonly count: number;
}

/** Free text has more distinct pairs than the bound; it then has no score per class, only accuracy. */
export class Confusion {
  readonly #maxCells: number;
  readonly #counts = new Map<string, Map<string, number>>();
  #cellCount = 0;
  #n = 0;
  #correct = 0;

  constructor(maxCells = DEFAULT_MAX_CELLS) {
    assert(maxCells > 0, `confusion counts need room for at least one cell, got ${maxCells}`);
    this.#maxCells = maxCells;
  }

  get n(): number {
    return this.#n;
  }

  get correct(): number {
    return this.#correct;
  }

  add(answer: { target: string; predicted: string; correct: boolean }): void {
    this.#n += 1;
    if (answer.correct) this.#correct += 1;
    if (this.#cellCount > this.#maxCells) return;
    const row = this.#counts.get(answer.target) ?? new Map<string, number>();
    if (!row.has(answer.predicted)) this.#cellCount += 1;
    this.#counts.set(answer.target, row);
    row.set(answer.predicted, (row.get(answer.predicted) ?? 0) + 1);
    if (this.#cellCount > this.#maxCells) this.#counts.clear();
  }

  /** Every pair that occurred, in a stable order; empty where there were too many. */
  cells(): readonly Cell[] {
    const cells: Cell[] = [];
    for (const target of [...this.#counts.keys()].sort()) {
      const row = this.#counts.get(target) ?? new Map<string, number>();
      for (const predicted of [...row.keys()].sort()) cells.push({ target, predicted, count: row.get(predicted) ?? 0 });
    }
    return cells;
  }
}
