// Mean and variance of a stream (Welford 1962), and the t interval of the mean of independent values.
import { assert, type IntervalEstimate } from "@chimera/kernel";
import { tQuantile } from "./distributions.ts";

export class RunningMean {
  #n = 0;
  #mean = 0;
  #squares = 0;

  get n(): number {
    return this.#n;
  }

  /** NaN before the first value. */
  get mean(): number {
    return this.#n === 0 ? Number.NaN : this.#mean;
  }

  /** Sample variance, divided by n - 1. NaN below two values. */
  get variance(): number {
    return this.#n < 2 ? Number.NaN : this.#squares / (this.#n - 1);
  }

  get standardError(): number {
    return Math.sqrt(this.variance / this.#n);
  }

  add(value: number): void {
    this.#n += 1;
    const delta = value - this.#mean;
    this.#mean += delta / this.#n;
    this.#squares += delta * (value - this.#mean);
  }
}

/** mean ± t(n - 1) s / √n (Student 1908). Undefined below two values. */
export function meanInterval(values: RunningMean, level = 0.95): IntervalEstimate | undefined {
  if (values.n < 2) return undefined;
  return tInterval({ centre: values.mean, standardError: values.standardError, df: values.n - 1 }, level);
}

export interface TEstimate {
  centre: number;
  standardError: number;
  df: number;
}

export function tInterval({ centre, standardError, df }: TEstimate, level: number): IntervalEstimate {
  assert(level > 0 && level < 1, `a level is between 0 and 1, got ${level}`);
  const half = tQuantile(1 - (1 - level) / 2, df) * standardError;
  return { low: centre - half, high: centre + half, level };
}
