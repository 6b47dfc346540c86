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

/** Standard normal quantile, algorithm AS 241 (Wichura 1988): relative error about 1e-16. */
export function normalQuantile(p: number): number {
  assert(p > 0 && p < 1, `normalQuantile needs 0 < p < 1, got ${p}`);
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * rational(AS_241.middle, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  const size = r <= 5 ? rational(AS_241.tail, r - 1.6) : rational(AS_241.farTail, r - 5);
  return q < 0 ? -size : size;
}

/** Numerator and denominator, highest power first. */
type Rational = readonly [numerator: readonly number[], denominator: readonly number[]];

const AS_241: { readonly middle: Rational; readonly tail: Rational; readonly farTail: Rational } = {
  middle: [
    [
      2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
      133.14166789178438, 3.3871328727963665,
    ],
    [
      5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
      687.1870074920579, 42.31333070160091, 1,
    ],
  ],
  tail: [
    [
      0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
      5.769497221460691, 4.630337846156546, 1.4234371107496835,
    ],
    [
      1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
      1.6763848301838038, 2.053191626637759, 1,
    ],
  ],
  farTail: [
    [
      2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
      1.7848265399172913, 5.463784911164114, 6.657904643501103,
    ],
    [
      2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
      0.1369298809227358, 0.599832206555888, 1,
    ],
  ],
};

function rational([numerator, denominator]: Rational, x: number): number {
  const horner = (terms: readonly number[]) => terms.reduce((sum, term) => sum * x + term, 0);
  return horner(numerator) / horner(denominator);
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
  // Exact at the ends, where rounding would leave a trace.
  return { low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half, level };
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
