// Two-sample Kolmogorov-Smirnov test: whether two samples come from one distribution, whatever its shape.
import { assert } from "@chimera/kernel";
import { at } from "./class-counts.ts";

export interface KolmogorovSmirnov {
  /** Largest distance between the two empirical distributions. */
  d: number;
  pValue: number;
  method: "exact" | "asymptotic";
}

/** As SciPy: exact while neither sample is larger. 10⁸ steps at most, a third of a second. */
const EXACT_UP_TO = 10_000;

/** Two-sided. */
export function kolmogorovSmirnov(first: readonly number[], second: readonly number[]): KolmogorovSmirnov {
  const [m, n] = [first.length, second.length];
  assert(m > 0 && n > 0, "a comparison needs values on both sides");
  const steps = largestGap(first, second);
  const d = steps / (m * n);
  if (Math.max(m, n) <= EXACT_UP_TO) return { d, pValue: exactTail(steps, m, n), method: "exact" };
  return { d, pValue: asymptoticTail(d, (m * n) / (m + n)), method: "asymptotic" };
}

/** Times m n, so that it is a whole number. */
function largestGap(first: readonly number[], second: readonly number[]): number {
  const a = Float64Array.from(first).sort();
  const b = Float64Array.from(second).sort();
  let [i, j, largest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(at(a, i), at(b, j));
    while (i < a.length && at(a, i) <= value) i += 1;
    while (j < b.length && at(b, j) <= value) j += 1;
    largest = Math.max(largest, Math.abs(i * b.length - j * a.length));
  }
  return largest;
}

/**
 * Share of the lattice paths from (0, 0) to (m, n) that reach a point at which the distributions are that far apart (Hodges
 * 1958). Only positive terms are added, so small probabilities keep their digits.
 */
function exactTail(steps: number, m: number, n: number): number {
  if (steps === 0) return 1;
  const reached = new Float64Array(n + 1);
  for (let i = 0; i <= m; i++) {
    for (let j = 0; j <= n; j++) {
      if (Math.abs(i * n - j * m) >= steps) reached[j] = 1;
      else if (i + j > 0) {
        const left = j === 0 ? 0 : at(reached, j - 1);
        reached[j] = (i * at(reached, j) + j * left) / (i + j);
      }
    }
  }
  return Math.min(1, at(reached, n));
}

/** Kolmogorov's limit with Stephens's correction (1970) for a finite n. */
function asymptoticTail(d: number, n: number): number {
  const x = (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * d;
  let sum = 0;
  for (let k = 1; k <= 100; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return x < 0.2 ? 1 : Math.min(1, Math.max(0, sum));
}
