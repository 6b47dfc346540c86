// Intervals and tests of a mean that hold however often they are looked at, for streams whose end nobody knows.
import { assert, type IntervalEstimate } from "@chimera/kernel";
import { RunningMean } from "./mean.ts";

export interface SequenceOptions {
  /** Chance of ever missing the mean. */
  alpha?: number;
  /** Number of values at which the interval is tightest. */
  tunedToN?: number;
  /** No statement before this many: the rule is asymptotic, and a variance of few values is a guess. */
  minN?: number;
}

const DEFAULT_ALPHA = 0.05;
const DEFAULT_TUNED_TO_N = 1000;
const DEFAULT_MIN_N = 100;

/**
 * Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2021):
 * mean ± s √((n r + 1)/(n² r) ln((n r + 1)/α²)), r = (-2 ln α + ln(-2 ln α) + 1)/m with m the n it is tuned to.
 */
export class ConfidenceSequence {
  readonly #values = new RunningMean();
  readonly #alpha: number;
  readonly #rho: number;
  readonly #minN: number;

  constructor({ alpha = DEFAULT_ALPHA, tunedToN = DEFAULT_TUNED_TO_N, minN = DEFAULT_MIN_N }: SequenceOptions = {}) {
    assert(alpha > 0 && alpha < 0.5 && minN >= 2, `needs 0 < alpha < 0.5 and minN >= 2, got ${alpha}, ${minN}`);
    this.#alpha = alpha;
    this.#rho = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha)) + 1) / tunedToN;
    this.#minN = minN;
  }

  get n(): number {
    return this.#values.n;
  }

  get mean(): number {
    return this.#values.mean;
  }

  add(value: number): void {
    this.#values.add(value);
  }

  /** The whole line before `minN` values. */
  interval(): IntervalEstimate {
    const level = 1 - this.#alpha;
    const { n, mean, variance } = this.#values;
    if (n < this.#minN) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, level };
    const grown = n * this.#rho + 1;
    const margin = Math.sqrt(variance * (grown / (n * n * this.#rho)) * Math.log(grown / this.#alpha ** 2));
    return { low: mean - margin, high: mean + margin, level };
  }
}

export interface MsprtOptions {
  alpha?: number;
  /** Standard deviation of the effects that are thought possible. */
  effectSd?: number;
  minN?: number;
}

const DEFAULT_EFFECT_SD = 0.01;

/**
 * Mixture sequential probability ratio test of mean 0 with a normal mixture (Robbins 1970; Johari, Pekelis, Walsh 2015):
 * L = √(v/(v + n t)) exp(n² t m²/(2 v (v + n t))), t = effectSd². Reject where L >= 1/α.
 */
export class Msprt {
  readonly #values = new RunningMean();
  readonly #alpha: number;
  readonly #tau: number;
  readonly #minN: number;
  #largest = 1;

  constructor({ alpha = DEFAULT_ALPHA, effectSd = DEFAULT_EFFECT_SD, minN = DEFAULT_MIN_N }: MsprtOptions = {}) {
    assert(alpha > 0 && alpha < 1 && effectSd > 0, `needs 0 < alpha < 1 and effectSd > 0, got ${alpha}, ${effectSd}`);
    this.#alpha = alpha;
    this.#tau = effectSd ** 2;
    this.#minN = Math.max(2, minN);
  }

  get n(): number {
    return this.#values.n;
  }

  add(value: number): void {
    this.#values.add(value);
  }

  /** Valid at any look, for all looks so far together. */
  look(): { pValue: number; rejected: boolean } {
    const { n, mean, variance } = this.#values;
    if (n >= this.#minN && variance > 0) {
      const spread = variance + n * this.#tau;
      const ratio =
        Math.sqrt(variance / spread) * Math.exp((n * n * this.#tau * mean * mean) / (2 * variance * spread));
      this.#largest = Math.max(this.#largest, ratio);
    }
    const pValue = Math.min(1, 1 / this.#largest);
    return { pValue, rejected: pValue <= this.#alpha };
  }
}
