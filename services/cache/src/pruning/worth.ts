// What keeping an entry is worth: the one place where a prune's order is defined.
import type { EntryFacts } from "../index/entry.ts";

/** Hits that each entry is granted, with the time in which the mean entry gets them: a young one is not judged by one hit or none. */
const PRIOR_HITS = 0.5;
/** An entry that was not served for so long is expected to be asked for half as often as it was. */
const IDLE_HALF_LIFE_MS = 3_600_000;
/** Making one token of an answer, where only their number is known. */
const MS_PER_TOKEN = 18;

/** Sums over all entries. */
export interface Totals {
  hits: number;
  ageMs: number;
}

type Judged = Pick<EntryFacts, "hits" | "storedAtMs" | "lastUsedMs" | "ttftMs" | "tokens" | "bytes">;

/**
 * Hits that an entry is expected to get per millisecond from now on:
 *
 *     (hits + ½) ÷ (age + ½ ÷ mean rate) · 2^(−time since last use ÷ 1 h)
 *
 * The first factor is the posterior mean of a Poisson rate under a Gamma prior of shape ½ with the mean rate of all entries: wide,
 * since few questions get most of the requests.
 */
export function expectedHitRate(entry: Judged, totals: Totals, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - entry.storedAtMs);
  const idleMs = Math.max(0, nowMs - entry.lastUsedMs);
  const priorMs = (PRIOR_HITS * Math.max(1, totals.ageMs)) / Math.max(PRIOR_HITS, totals.hits);
  return ((entry.hits + PRIOR_HITS) / (ageMs + priorMs)) * 2 ** (-idleMs / IDLE_HALF_LIFE_MS);
}

/** Time of generation that one byte of it is expected to save per millisecond: expected hits · (TTFT + 18 ms per token) ÷ bytes. */
export function worthOf(entry: Judged, expectedHits: number): number {
  return (expectedHits * (entry.ttftMs + MS_PER_TOKEN * entry.tokens)) / Math.max(1, entry.bytes);
}
