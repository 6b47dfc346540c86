// Page-Hinkley test (Page 1954): a rise of the mean of a stream, found as soon as the sum of what exceeds the running mean grows
// too large. Its threshold is set by the time between false alarms that is wanted, not by habit.
import { assert, type Random } from "@chimera/kernel";

export interface PageHinkleyOptions {
  /** Sum at which it alarms. */
  threshold: number;
  /** Rise per value that is let pass. */
  tolerance?: number;
  /** No alarm before this many values. */
  minN?: number;
}

export class PageHinkley {
  readonly #threshold: number;
  readonly #tolerance: number;
  readonly #minN: number;
  #n = 0;
  #mean = 0;
  #sum = 0;
  #smallest = 0;

  constructor({ threshold, tolerance = 0.005, minN = 30 }: PageHinkleyOptions) {
    assert(threshold > 0 && tolerance >= 0, `needs threshold > 0 and tolerance >= 0, got ${threshold}, ${tolerance}`);
    this.#threshold = threshold;
    this.#tolerance = tolerance;
    this.#minN = minN;
  }

  /** Whether this value sets off the alarm; it starts anew then. To find a fall, negate the values. */
  add(value: number): boolean {
    this.#n += 1;
    this.#mean += (value - this.#mean) / this.#n;
    this.#sum += value - this.#mean - this.#tolerance;
    this.#smallest = Math.min(this.#smallest, this.#sum);
    const alarms = this.#n >= this.#minN && this.#sum - this.#smallest > this.#threshold;
    if (alarms) this.#restart();
    return alarms;
  }

  #restart(): void {
    this.#n = 0;
    this.#mean = 0;
    this.#sum = 0;
    this.#smallest = 0;
  }
}

export interface RunLengthOptions {
  /** Values between two false alarms, on average. */
  runLength: number;
  tolerance?: number;
  random: Random;
}

const ROUNDS = 200;

/**
 * Threshold with about one false alarm per `runLength` values like those of `history`, drawn independently: the sum is
 * followed for that many values 200 times, and the threshold is what a share of 1 - 1/e of the runs exceeds, as the time to the
 * first alarm is nearly exponential.
 */
export function pageHinkleyThreshold(history: readonly number[], options: RunLengthOptions): number {
  const { runLength, tolerance = 0.005, random } = options;
  assert(history.length > 0 && runLength > 0, "a threshold needs past values and a run length");
  const peaks = Float64Array.from({ length: ROUNDS }, () => {
    let [n, mean, sum, smallest, peak] = [0, 0, 0, 0, 0];
    for (let step = 0; step < runLength; step++) {
      const value = history[Math.floor(random() * history.length)] ?? 0;
      n += 1;
      mean += (value - mean) / n;
      sum += value - mean - tolerance;
      smallest = Math.min(smallest, sum);
      peak = Math.max(peak, sum - smallest);
    }
    return peak;
  }).sort();
  return peaks[Math.floor(ROUNDS / Math.E)] ?? 0;
}
