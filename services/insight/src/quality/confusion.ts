// Counts of (target, predicted) pairs: all that accuracy, F1 and their bootstrap need, in bounded space however many answers.

/** Distinct pairs counted apart. Free text has more, and then has no per-class score, only accuracy. */
const MAX_CELLS = 5000;

export interface Cell {
  readonly target: string;
  readonly predicted: string;
  readonly count: number;
}

export class Confusion {
  readonly #counts = new Map<string, Map<string, number>>();
  #cellCount = 0;
  #n = 0;
  #correct = 0;
  #overflowed = false;

  get n(): number {
    return this.#n;
  }

  get correct(): number {
    return this.#correct;
  }

  add(answer: { target: string; predicted: string; correct: boolean }): void {
    this.#n += 1;
    if (answer.correct) this.#correct += 1;
    if (this.#overflowed) return;
    const row = this.#counts.get(answer.target) ?? new Map<string, number>();
    if (!row.has(answer.predicted)) this.#cellCount += 1;
    this.#counts.set(answer.target, row);
    row.set(answer.predicted, (row.get(answer.predicted) ?? 0) + 1);
    if (this.#cellCount <= MAX_CELLS) return;
    this.#overflowed = true;
    this.#counts.clear();
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
