// Intervals of a proportion, and of the difference of two. Wilson, the one to take where nothing speaks for another, is in
// the kernel.
import { assert, type IntervalEstimate, normalQuantile, wilsonInterval } from "@chimera/kernel";
import { betaQuantile, normalTwoSided } from "./distributions.ts";

/** Clopper and Pearson 1934: exact, never covers less than the level, and is wider than it needs to be. */
export function clopperPearsonInterval(successes: number, n: number, level = 0.95): IntervalEstimate {
  assert(successes >= 0 && successes <= n, `needs 0 <= successes <= n, got ${successes} of ${n}`);
  const tail = (1 - level) / 2;
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
    high: successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes),
    level,
  };
}

/** Agresti and Coull 1998: z²/2 successes and failures added, then Wald. */
export function agrestiCoullInterval(successes: number, n: number, level = 0.95): IntervalEstimate {
  assert(successes >= 0 && successes <= n, `needs 0 <= successes <= n, got ${successes} of ${n}`);
  const z = normalQuantile(1 - (1 - level) / 2);
  const total = n + z * z;
  const centre = (successes + (z * z) / 2) / total;
  const half = z * Math.sqrt((centre * (1 - centre)) / total);
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half), level };
}

export interface Counts {
  successes: number;
  n: number;
}

export interface ProportionDifference {
  /** First minus second. */
  difference: number;
  /** Newcombe 1998, method 10: from the two Wilson intervals. */
  interval: IntervalEstimate;
  /** Two-sided z-test with the pooled variance. 1 where nothing varies. */
  pValue: number;
}

/** Two independent samples. Answers to the same items are not independent: pairedDifference is for those. */
export function twoProportions(first: Counts, second: Counts, level = 0.95): ProportionDifference {
  assert(first.n > 0 && second.n > 0, "a comparison needs observations on both sides");
  const [p, q] = [first.successes / first.n, second.successes / second.n];
  const [a, b] = [wilsonInterval(first.successes, first.n, level), wilsonInterval(second.successes, second.n, level)];
  const difference = p - q;
  const pooled = (first.successes + second.successes) / (first.n + second.n);
  const se = Math.sqrt(pooled * (1 - pooled) * (1 / first.n + 1 / second.n));
  return {
    difference,
    interval: {
      low: difference - Math.hypot(p - a.low, b.high - q),
      high: difference + Math.hypot(a.high - p, q - b.low),
      level,
    },
    pValue: se === 0 ? 1 : normalTwoSided(difference / se),
  };
}
