// What a hop adds: percentiles through it minus percentiles without it, from rounds in turns, with intervals over rounds.
import { quantile } from "@chimera/kernel";
import { overRounds } from "./bootstrap.ts";
import type { BenchResult } from "./result.ts";

/** Samples of one round, by who was asked. */
export type Round<K extends string> = Readonly<Record<K, readonly number[]>>;

export interface Added {
  id: string;
  rounds: readonly Round<"through" | "direct">[];
  /** In percent. */
  percent: number;
  method: string;
}

export function addedResult({ id, rounds, percent, method }: Added): BenchResult {
  const added = (drawn: readonly Round<"through" | "direct">[]) =>
    percentileOf(drawn, "through", percent) - percentileOf(drawn, "direct", percent);
  return {
    id,
    value: finite(added(rounds)),
    unit: "ms",
    n: rounds.reduce((total, { through }) => total + through.length, 0),
    interval: overRounds(rounds, added),
    method: `${method} Percentile through minus percentile direct; interval: percentile bootstrap over rounds.`,
  };
}

export interface AddedRatio {
  id: string;
  rounds: readonly Round<"ours" | "theirs" | "direct">[];
  percent: number;
  method: string;
}

/** What ours adds ÷ what theirs adds. */
export function addedRatioResult({ id, rounds, percent, method }: AddedRatio): BenchResult {
  const ratio = (drawn: readonly Round<"ours" | "theirs" | "direct">[]) => {
    const direct = percentileOf(drawn, "direct", percent);
    return (percentileOf(drawn, "ours", percent) - direct) / (percentileOf(drawn, "theirs", percent) - direct);
  };
  return {
    id,
    value: finite(ratio(rounds)),
    unit: "ratio",
    n: rounds.reduce((total, { ours }) => total + ours.length, 0),
    interval: overRounds(rounds, ratio),
    method: `${method} Added by ours ÷ added by theirs; interval: percentile bootstrap over rounds.`,
  };
}

function percentileOf<K extends string>(rounds: readonly Round<K>[], key: K, percent: number): number {
  const values = rounds.flatMap((round) => round[key]);
  return quantile(Float64Array.from(values).sort(), percent / 100);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
