// From samples to results: percentiles with order-statistic intervals, shares, and ratios bootstrapped over slices of time.
import {
  type IntervalEstimate,
  quantile,
  quantileInterval,
  type Random,
  seededRandom,
  wilsonInterval,
} from "@chimera/kernel";
import type { BenchResult } from "./result.ts";

const RESAMPLES = 1000;
const BOOTSTRAP_SEED = 1;

export interface Percentiles {
  /** "_p50" and the like are appended. */
  id: string;
  values: readonly number[];
  /** In percent. */
  percents: readonly number[];
  unit: string;
  method: string;
}

/** Linear interpolation between closest ranks; intervals from order statistics, null where the sample can not bracket one. */
export function percentileResults({ id, values, percents, unit, method }: Percentiles): BenchResult[] {
  const sorted = values.toSorted((a, b) => a - b);
  return percents.map((percent) => ({
    id: `${id}_p${percent}`,
    value: sorted.length === 0 ? null : quantile(sorted, percent / 100),
    unit,
    n: sorted.length,
    interval: quantileInterval(sorted, percent / 100) ?? null,
    method: `${method} Percentiles by linear interpolation, intervals from order statistics.`,
  }));
}

export interface Share {
  id: string;
  count: number;
  n: number;
  method: string;
}

export function shareResult({ id, count, n, method }: Share): BenchResult {
  const interval = n === 0 ? null : wilsonInterval(count, n);
  return { id, value: n === 0 ? null : count / n, unit: "share", n, interval, method: `${method} Wilson interval.` };
}

/** A number that was counted or read once; it has no interval. */
export function plainResult(result: Omit<BenchResult, "interval">): BenchResult {
  return { ...result, interval: null };
}

/** Says how far the figures beside it can be trusted. */
export function foreignCpuResult(id: string, value: number): BenchResult {
  return plainResult({
    id,
    value,
    unit: "share",
    n: 1,
    method:
      "Share of all cores that other processes of this machine used meanwhile, from /proc/stat: the latencies beside it hold only for a machine as busy as that.",
  });
}

/** What was spent and what was got for it in one slice of time. */
export interface Slice {
  spent: number;
  got: number;
}

/** Σ spent ÷ Σ got; null where nothing was got. */
export function ratioOf(slices: readonly Slice[]): number | null {
  const got = sum(slices.map((slice) => slice.got));
  return got === 0 ? null : sum(slices.map((slice) => slice.spent)) / got;
}

/**
 * Percentile bootstrap (Efron 1979) of Σ spent ÷ Σ got over slices, which keeps what belongs together in time together.
 * Null below three slices.
 */
export function ratioInterval(
  slices: readonly Slice[],
  random: Random = seededRandom(BOOTSTRAP_SEED),
): IntervalEstimate | null {
  if (slices.length < 3) return null;
  const ratios: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const drawn = slices.map((slice) => slices[Math.floor(random() * slices.length)] ?? slice);
    const ratio = ratioOf(drawn);
    if (ratio !== null) ratios.push(ratio);
  }
  ratios.sort((a, b) => a - b);
  return ratios.length === 0 ? null : { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975), level: 0.95 };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
