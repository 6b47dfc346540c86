// Whether a replica is so much slower than the others of its model that it is better left alone for a while.
import { quantile } from "@chimera/kernel";
import type { Pace } from "./pace.ts";

/** Times the median of the others. Merely slower ones get less to do, which the expected wait sees to. */
const FAR_ABOVE = 5;
/** Below this, slowness hurts nobody, and small times are noisy. */
const MIN_TTFT_MS = 250;
const MIN_SAMPLES = 10;
/** Of two, nobody can say which one is usual. */
const MIN_OTHERS = 2;

export interface Measured {
  pace: Pace;
  ttftMs: number | undefined;
}

/** The others' paces, ms per token of work; undefined where there are too few. */
export function median(others: readonly number[]): number | undefined {
  return others.length < MIN_OTHERS
    ? undefined
    : quantile(
        others.toSorted((a, b) => a - b),
        0.5,
      );
}

/** The reason, in words, where it is one. */
export function outlierReason({ pace, ttftMs }: Measured, othersMsPerToken: number | undefined): string | undefined {
  const own = pace.measured;
  if (own === undefined || othersMsPerToken === undefined || ttftMs === undefined) return undefined;
  if (pace.samples < MIN_SAMPLES || ttftMs < MIN_TTFT_MS || own <= FAR_ABOVE * othersMsPerToken) return undefined;
  const times = (own / othersMsPerToken).toFixed(1);
  return `first tokens take ${times} times as long as elsewhere (${Math.round(ttftMs)} ms on average)`;
}
