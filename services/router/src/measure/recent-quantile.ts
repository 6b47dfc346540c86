// The newest values of a figure, for quantiles that are asked far more rarely than values come.
import { quantile } from "@chimera/kernel";

/** How stale an answer may be, in values. */
const RECOMPUTE_AFTER = 32;

export class RecentQuantile {
  /** A ring. */
  readonly #values: Float64Array;
  #sorted: Float64Array = new Float64Array(0);
  #sortedAt = 0;
  count = 0;

  constructor(capacity = 512) {
    this.#values = new Float64Array(capacity);
  }

  add(value: number): void {
    this.#values[this.count % this.#values.length] = value;
    this.count += 1;
  }

  /** Linear interpolation between closest ranks over the newest values; at least one must be there. */
  quantile(p: number): number {
    if (this.count - this.#sortedAt >= RECOMPUTE_AFTER || this.#sorted.length === 0) {
      this.#sorted = this.#values.slice(0, Math.min(this.count, this.#values.length)).sort();
      this.#sortedAt = this.count;
    }
    return quantile(this.#sorted, p);
  }
}
