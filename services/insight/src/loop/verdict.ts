// From what was measured to what is done. Keeping asks for more than taking back: of a hundred changes that do nothing, at most one
// is to be kept.
import type { IntervalEstimate } from "@chimera/kernel";
import type { Metric, Verdict } from "../ledger/prediction.ts";

/** New ÷ old - 1 of one metric. */
export interface Measured {
  readonly relative: number | undefined;
  readonly interval95: IntervalEstimate | undefined;
  /** Of the same; what keeping is decided by. */
  readonly interval99: IntervalEstimate | undefined;
  /** Requests with the change, and without. */
  readonly n: { readonly on: number; readonly off: number };
  readonly design: string;
  /** Why the comparison may not be believed. */
  readonly doubt?: string | undefined;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly reason: string;
}

/** Written into each prediction before its change. */
export const KEEPING_RULE = "to be kept, the 99 % interval has to lie there as well";

export function nothingMeasured(design: string): Measured {
  return { relative: undefined, interval95: undefined, interval99: undefined, n: { on: 0, off: 0 }, design };
}

export function judge(metric: Metric, measured: Measured, minN: number): Decision {
  const { relative, interval95, interval99, n, doubt } = measured;
  if (doubt !== undefined) return { verdict: "inconclusive", reason: doubt };
  if (relative === undefined || interval95 === undefined || interval99 === undefined || Math.min(n.on, n.off) < minN) {
    return {
      verdict: "inconclusive",
      reason: `too little to tell: ${n.on} with the change and ${n.off} without, ${minN} each were needed`,
    };
  }
  const told = `${percent(relative)}, 95 % interval ${text(interval95)}`;
  if (isBetter(metric, interval99)) return { verdict: "kept", reason: `better: ${told}` };
  if (isWorse(metric, interval95)) return { verdict: "rolled back", reason: `worse: ${told}` };
  return { verdict: "inconclusive", reason: `not told from none: ${told}, 99 % interval ${text(interval99)}` };
}

function isBetter(metric: Metric, { low, high }: IntervalEstimate): boolean {
  return metric === "ttft_p50_ms" ? high < 0 : low > 0;
}

function isWorse(metric: Metric, { low, high }: IntervalEstimate): boolean {
  return metric === "ttft_p50_ms" ? low > 0 : high < 0;
}

function text({ low, high }: IntervalEstimate): string {
  return `${percent(low)} to ${percent(high)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
