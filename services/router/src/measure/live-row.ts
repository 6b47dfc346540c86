// The counts and gaps of one row of the statistics over the last minute, and where the deltas of an answer report to.
import { CacheStatus } from "@chimera/contracts/common";
import { CountRing } from "./count-ring.ts";
import { bucketOf, GapHistogram, sliceOf } from "./gap-histogram.ts";
import { NO_QUANTILES, type QuantileRow, WINDOW_MS } from "./quantiles.ts";

export interface RowKey {
  /** "" in rows over all models, and where a request was turned away before its model was known. */
  model: string;
  tenant: string;
  /** UNSPECIFIED in rows over all of them. */
  cacheStatus: CacheStatus;
}

export interface Ending extends RowKey {
  ok: boolean;
  /** Neither ended well nor left by its caller, which is no failure of the mesh. */
  failed: boolean;
  refused: boolean;
}

export interface Row extends RowKey {
  /** That ended, whatever became of them. */
  requests: number;
  errors: number;
  refused: number;
  /** Stale ones among them. */
  cacheHits: number;
  ttft: QuantileRow;
  interToken: QuantileRow;
  queue: QuantileRow;
  /** Of the answers that ended well. */
  turn: QuantileRow;
}

/** Rows count whole seconds. */
export const ROW_SLOT_MS = 1000;

export class LiveRow {
  readonly key: RowKey;
  readonly #requests = new CountRing(ROW_SLOT_MS);
  readonly #errors = new CountRing(ROW_SLOT_MS);
  readonly #refused = new CountRing(ROW_SLOT_MS);
  readonly #cacheHits = new CountRing(ROW_SLOT_MS);
  readonly #gaps = new GapHistogram();
  /** The slice of its newest event. A whole number, because one with a fraction would be allocated for every gap. */
  #usedSlice: number;

  constructor(key: RowKey, nowMs: number) {
    this.key = key;
    this.#usedSlice = sliceOf(nowMs);
  }

  count({ failed, refused, cacheStatus }: Ending, nowMs: number): void {
    this.#usedSlice = sliceOf(nowMs);
    this.#requests.add(nowMs);
    if (failed) this.#errors.add(nowMs);
    if (refused) this.#refused.add(nowMs);
    if (cacheStatus === CacheStatus.HIT || cacheStatus === CacheStatus.STALE) this.#cacheHits.add(nowMs);
  }

  addGaps(bucket: number, count: number, slice: number): void {
    this.#usedSlice = slice;
    this.#gaps.add(bucket, count, slice);
  }

  /** Nothing in it is within the window. */
  isIdle(nowMs: number): boolean {
    return sliceOf(nowMs - WINDOW_MS - ROW_SLOT_MS) > this.#usedSlice;
  }

  /** Without the times that are kept request by request. */
  read(nowMs: number): Row {
    return {
      ...this.key,
      requests: this.#requests.sum(nowMs),
      errors: this.#errors.sum(nowMs),
      refused: this.#refused.sum(nowMs),
      cacheHits: this.#cacheHits.sum(nowMs),
      ttft: NO_QUANTILES,
      interToken: this.#gaps.quantiles(sliceOf(nowMs)),
      queue: NO_QUANTILES,
      turn: NO_QUANTILES,
    };
  }
}

/** Takes the gaps of one answer, for every row the answer belongs to. */
export class GapSink {
  readonly #rows: readonly LiveRow[];

  constructor(rows: readonly LiveRow[]) {
    this.#rows = rows;
  }

  /** `count` deltas that came together: the gap before the first of them, none before the others. */
  add(gapMs: number, count: number, nowMs: number): void {
    this.#add(bucketOf(gapMs), count, sliceOf(nowMs));
  }

  // Whole numbers from here on: one with a fraction is allocated wherever it is passed on.
  #add(bucket: number, count: number, slice: number): void {
    for (const row of this.#rows) {
      row.addGaps(bucket, 1, slice);
      if (count > 1) row.addGaps(0, count - 1, slice);
    }
  }
}
