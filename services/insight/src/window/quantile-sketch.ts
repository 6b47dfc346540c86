// Quantiles of more values than can be kept: DDSketch (Masson, Rim, Lee 2019), whose answers are within a share of the true
// value and whose sketches can be put together. For times in milliseconds.
import { assert, type IntervalEstimate, normalQuantile } from "@chimera/kernel";
import { DDSketch } from "@datadog/sketches-js";

/** Largest error of a quantile, as a share of it. */
export const RELATIVE_ERROR = 0.009;
/**
 * What lies outside counts as the nearer end. Eight decades are the bound of a sketch: at most 1152 bins of 8 bytes. (Sketches of
 * the library that bound their bins themselves lose the largest values when they collapse.)
 */
const SMALLEST = 0.01;
const LARGEST = 1_000_000;

export class QuantileSketch {
  readonly #sketch = new DDSketch({ relativeAccuracy: RELATIVE_ERROR });

  get n(): number {
    return this.#sketch.count;
  }

  add(value: number): void {
    assert(Number.isFinite(value) && value >= 0, `a sketch takes what is not below 0, got ${value}`);
    this.#sketch.accept(Math.min(LARGEST, Math.max(SMALLEST, value)));
  }

  merge(other: QuantileSketch): void {
    this.#sketch.merge(other.#sketch);
  }

  /** NaN where it is empty. */
  quantile(p: number): number {
    return this.#sketch.getValueAtQuantile(p);
  }

  /** From order statistics, as in `quantileInterval` of the kernel. Undefined where the sample does not bracket the quantile. */
  interval(p: number, level = 0.95): IntervalEstimate | undefined {
    const { n } = this;
    const half = normalQuantile(1 - (1 - level) / 2) * Math.sqrt(n * p * (1 - p));
    const [low, high] = [Math.floor(n * p - half) - 1, Math.ceil(n * p + half)];
    if (low < 0 || high > n - 1) return undefined;
    return { low: this.#atRank(low), high: this.#atRank(high), level };
  }

  /** In the middle of the rank: rounding must not lead to its neighbour. */
  #atRank(rank: number): number {
    return this.quantile(Math.min(1, (rank + 0.5) / (this.n - 1)));
  }
}
