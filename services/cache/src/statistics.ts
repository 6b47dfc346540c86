// Counts of one cache since its start, and what it holds now.

export interface CacheStatistics {
  entries: number;
  bytes: number;
  capacityBytes: number;
  hits: number;
  /** Of the hits: past their time, and made by a warm-up. */
  staleHits: number;
  warmHits: number;
  misses: number;
  stores: number;
  evictions: number;
  /** Answers that were too large or incomplete. */
  refusals: number;
  /** Calls of the byte store that failed. */
  storeErrors: number;
  /** Pruned and still there to be put back; not part of `bytes`. */
  undoBytes: number;
}
