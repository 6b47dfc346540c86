// Quantiles and intervals used by more than one service. Formulas are named where they stand.
import { assert } from "./assert.ts";

export interface IntervalEstimate {
  low: number;
  high: number;
  /** For example 0.95. */
  level: number;
}

/**
 * Quantile by linear interpolation between closest ranks (Hyndman and Fan type 7, numpy's default).
 * `sorted` ascending; NaN where it is empty.
 */
export function quantile(sorted: readonly number[] | Float64Array, p: number): number {
  assert(p >= 0 && p <= 1, `quantile needs 0 <= p <= 1, got ${p}`);
  if (sorted.length === 0) return Number.NaN;
  const position = p * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}

/** Standard normal quantile, Acklam's rational approximation (relative error below 1.2e-9). */
export function normalQuantile(p: number): number {
  assert(p > 0 && p < 1, `normalQuantile needs 0 < p < 1, got ${p}`);
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
  ];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const horner = (k: readonly number[], x: number) => k.reduce((sum, term) => sum * x + term, 0);
  const tail = 0.02425;
  if (p > 1 - tail) return -normalQuantile(1 - p);
  if (p < tail) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / (horner(d, q) * q + 1);
  }
  const q = p - 0.5;
  const r = q * q;
  return (horner(a, r) * q) / (horner(b, r) * r + 1);
}

/** Wilson score interval of a proportion (Wilson 1927). n = 0 gives the whole range. */
export function wilsonInterval(successes: number, n: number, level = 0.95): IntervalEstimate {
  assert(successes >= 0 && successes <= n, `wilsonInterval needs 0 <= successes <= n, got ${successes} of ${n}`);
  if (n === 0) return { low: 0, high: 1, level };
  const z = normalQuantile(1 - (1 - level) / 2);
  const p = successes / n;
  const denominator = 1 + (z * z) / n;
  const centre = (p + (z * z) / (2 * n)) / denominator;
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / denominator;
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half), level };
}

/**
 * Distribution-free interval of a quantile from order statistics: the ranks n p -/+ z sqrt(n p (1-p)) (normal approximation of
 * the binomial rank). Undefined where the sample is too small to bracket the quantile.
 */
export function quantileInterval(
  sorted: readonly number[] | Float64Array,
  p: number,
  level = 0.95,
): IntervalEstimate | undefined {
  const n = sorted.length;
  const z = normalQuantile(1 - (1 - level) / 2);
  const half = z * Math.sqrt(n * p * (1 - p));
  const low = sorted[Math.floor(n * p - half) - 1];
  const high = sorted[Math.ceil(n * p + half)];
  if (low === undefined || high === undefined) return undefined;
  return { low, high, level };
}
