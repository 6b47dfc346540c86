// How often each class was answered with each class. Memory depends on the number of classes, not of items.
import { FailedPreconditionError } from "@chimera/kernel";

// 1000 classes are 4 MB of counts. A set with more is one of free texts, where F1 per class says nothing.
const MAX_CLASSES = 1000;

export class ConfusionCounts {
  readonly labels: readonly string[];
  // Row = target class, column = predicted class; the last column counts answers that name no class.
  readonly cells: Uint32Array;
  readonly #indexOf: ReadonlyMap<string, number>;
  #total = 0;

  /** `targets` are the labels that occur as targets; duplicates are fine. */
  constructor(targets: Iterable<string>) {
    this.labels = [...new Set(targets)].sort();
    if (this.labels.length > MAX_CLASSES) {
      throw new FailedPreconditionError(
        `the data set has ${this.labels.length} classes; at most ${MAX_CLASSES} can be scored`,
      );
    }
    this.cells = new Uint32Array(this.labels.length * this.columns);
    this.#indexOf = new Map(this.labels.map((label, index) => [label, index]));
  }

  get columns(): number {
    return this.labels.length + 1;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts one answer. What is not a class counts as no class. Returns whether the answer was right. */
  add(target: string, predicted: string): boolean {
    const row = this.#indexOf.get(target);
    if (row === undefined) throw new RangeError(`"${target}" is not one of the target classes`);
    const cell = row * this.columns + (this.#indexOf.get(predicted) ?? this.labels.length);
    this.cells[cell] = (this.cells[cell] ?? 0) + 1;
    this.#total += 1;
    return target === predicted;
  }

  isClass(label: string): boolean {
    return this.#indexOf.has(label);
  }
}
