// Mann-Whitney U (Mann and Whitney 1947): whether values of one sample tend to be larger than those of another. Methods are
// chosen as SciPy chooses them.
import { assert } from "@chimera/kernel";
import { normalCdf } from "./distributions.ts";

export interface MannWhitney {
  /** Pairs in which the first is larger, ties counted half. */
  u: number;
  pValue: number;
  method: "exact" | "normal approximation, corrected for ties and continuity";
}

/** Above this many values in both samples the approximation is good. */
const EXACT_UP_TO = 8;
/** Bound on the work of the exact distribution. */
const MAX_EXACT_PAIRS = 100_000;

/** Two-sided. */
export function mannWhitney(first: readonly number[], second: readonly number[]): MannWhitney {
  const [m, n] = [first.length, second.length];
  assert(m > 0 && n > 0, "a comparison needs values on both sides");
  const { rankSum, tieTerm } = rank(first, second);
  const u = rankSum - (m * (m + 1)) / 2;
  const larger = Math.max(u, m * n - u);
  const isExact = Math.min(m, n) <= EXACT_UP_TO && tieTerm === 0 && m * n <= MAX_EXACT_PAIRS;
  if (isExact) return { u, pValue: Math.min(1, 2 * exactTail(larger, m, n)), method: "exact" };
  const total = m + n;
  const sd = Math.sqrt(((m * n) / 12) * (total + 1 - tieTerm / (total * (total - 1))));
  const z = (larger - (m * n) / 2 - 0.5) / sd;
  return {
    u,
    pValue: sd === 0 ? 1 : Math.min(1, 2 * normalCdf(-z)),
    method: "normal approximation, corrected for ties and continuity",
  };
}

/** Area under the ROC curve: U over the number of pairs (Hanley and McNeil 1982). */
export function rocAuc(positives: readonly number[], negatives: readonly number[]): number {
  assert(positives.length > 0 && negatives.length > 0, "ROC AUC needs items of both classes");
  const { rankSum } = rank(positives, negatives);
  return (rankSum - (positives.length * (positives.length + 1)) / 2) / (positives.length * negatives.length);
}

/** Midranks (ties share the mean of their ranks) of the first sample, summed, and Σ t³ - t over groups of ties. */
function rank(first: readonly number[], second: readonly number[]): { rankSum: number; tieTerm: number } {
  const values = [...first.map((value) => ({ value, own: 1 })), ...second.map((value) => ({ value, own: 0 }))];
  values.sort((a, b) => a.value - b.value);
  let [rankSum, tieTerm] = [0, 0];
  for (let start = 0; start < values.length; ) {
    let [end, own] = [start, 0];
    while (end < values.length && values[end]?.value === values[start]?.value) own += values[end++]?.own ?? 0;
    const ties = end - start;
    rankSum += (own * (start + 1 + end)) / 2;
    tieTerm += ties ** 3 - ties;
    start = end;
  }
  return { rankSum, tieTerm };
}

/** P(U >= u): the counts of U are the coefficients of a Gaussian binomial, kept whole by BigInt. */
function exactTail(u: number, m: number, n: number): number {
  const [small, large] = [Math.min(m, n), Math.max(m, n)];
  const counts = new Array<bigint>(m * n + 1).fill(0n);
  counts[0] = 1n;
  for (let factor = 1; factor <= small; factor++) {
    const up = large + factor;
    for (let i = m * n; i >= up; i--) counts[i] = (counts[i] ?? 0n) - (counts[i - up] ?? 0n);
    for (let i = factor; i <= m * n; i++) counts[i] = (counts[i] ?? 0n) + (counts[i - factor] ?? 0n);
  }
  let [tail, all] = [0n, 0n];
  for (const [i, count] of counts.entries()) {
    all += count;
    if (i >= u) tail += count;
  }
  return Number(tail) / Number(all);
}
