// Distribution functions and quantiles. The special functions are those of Cephes (Moshier 1989), which SciPy uses too; its
// inverse of the incomplete beta function is lost in far tails, so quantiles are found here, by bracketing the distribution.
import { assert, normalQuantile } from "@chimera/kernel";
import { compiled, igamc, incbet, ndtr } from "cephes";

await compiled;

// Halvings and secant steps together; 60 halvings alone reach the last bit of a double in [0, 1].
const MAX_STEPS = 200;
const RELATIVE_TOLERANCE = 4e-16;

/** P(Z <= z) of the standard normal. */
export function normalCdf(z: number): number {
  return ndtr(z);
}

/** P(|Z| >= |z|). */
export function normalTwoSided(z: number): number {
  return Math.min(1, 2 * ndtr(-Math.abs(z)));
}

/** P(X <= x) of Beta(a, b). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  return x >= 1 ? 1 : incbet(a, b, x);
}

/** The x with P(X <= x) = p of Beta(a, b). */
export function betaQuantile(p: number, a: number, b: number): number {
  assert(p >= 0 && p <= 1 && a > 0 && b > 0, `betaQuantile needs 0 <= p <= 1 and a, b > 0, got ${p}, ${a}, ${b}`);
  if (p === 0 || p === 1) return p;
  // From the end that is nearer, so that a value next to 1 keeps its distance from it.
  if (betaCdf(0.5, a, b) < p) return 1 - root((x) => betaCdf(x, b, a) - (1 - p), { low: 0, high: 0.5 });
  return root((x) => betaCdf(x, a, b) - p, { low: 0, high: 0.5 });
}

/** P(T >= |t|) of Student's t with `df` degrees of freedom. */
export function tTail(t: number, df: number): number {
  assert(df > 0, `Student's t needs degrees of freedom, got ${df}`);
  return incbet(df / 2, 0.5, df / (df + t * t)) / 2;
}

/** P(|T| >= |t|). */
export function tTwoSided(t: number, df: number): number {
  return 2 * tTail(t, df);
}

/** The t with P(T <= t) = p of Student's t. */
export function tQuantile(p: number, df: number): number {
  assert(p > 0 && p < 1 && df > 0, `tQuantile needs 0 < p < 1 and df > 0, got ${p}, ${df}`);
  if (p > 0.5) return -tQuantile(1 - p, df);
  if (p === 0.5) return 0;
  // Heavier tails than the normal: its quantile is the lower bracket.
  const low = -normalQuantile(p);
  let high = 2 * low + 1;
  for (let step = 0; step < MAX_STEPS && tTail(high, df) > p; step++) high *= 2;
  return -root((t) => p - tTail(t, df), { low, high });
}

/** P(X >= x) of chi-squared with `df` degrees of freedom. */
export function chiSquareTail(x: number, df: number): number {
  assert(df > 0, `chi-squared needs degrees of freedom, got ${df}`);
  if (x <= 0) return 1;
  // Cephes throws where a tail is smaller than any number.
  try {
    return igamc(df / 2, x / 2);
  } catch {
    return x > df ? 0 : 1;
  }
}

/** P(X <= successes) of Binomial(n, p), 0 < p < 1. */
export function binomialCdf(successes: number, n: number, p: number): number {
  if (successes < 0) return 0;
  return successes >= n ? 1 : betaCdf(1 - p, n - successes, successes + 1);
}

export interface Bracket {
  low: number;
  high: number;
  /** Relative width at which the search ends. */
  tolerance?: number;
}

/** Where a rising function crosses 0 between two points: secant steps, halvings where those are slow (Illinois, Dowell and Jarratt 1971). */
export function root(rising: (x: number) => number, { low, high, tolerance = RELATIVE_TOLERANCE }: Bracket): number {
  let [a, b] = [low, high];
  let [fa, fb] = [rising(a), rising(b)];
  if (fa === 0) return a;
  if (fb === 0) return b;
  for (let step = 0; step < MAX_STEPS; step++) {
    const width = b - a;
    if (width <= tolerance * Math.abs(a + b)) break;
    // Every third step halves: it bounds what a bad shape can cost.
    const secant = b - (fb * width) / (fb - fa);
    const x = step % 3 === 2 || !(secant > a && secant < b) ? a + width / 2 : secant;
    const fx = rising(x);
    if (fx === 0) return x;
    if (fx < 0) {
      [a, fa] = [x, fx];
      fb /= 2;
    } else {
      [b, fb] = [x, fx];
      fa /= 2;
    }
  }
  return a + (b - a) / 2;
}
