// Work over all entries, in pieces between which lookups go on.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "@chimera/kernel";

/**
 * One turn of the event loop does at most this many, or works this long, whichever comes first. What a visit sets off, such as a
 * delete, runs after the slice and before the next turn, so the number is what bounds that.
 */
const SLICE_ITEMS = 512;
const SLICE_MS = 4;
/** The clock costs more than most visits. */
const ITEMS_PER_LOOK = 64;

export interface SliceOptions {
  clock: Pick<Clock, "monotonicMs">;
  /** Awaited after each slice and at the end: what must be written before more is done. */
  afterSlice?(): Promise<void> | void;
  /** Looked at after every item; true ends the work. */
  isDone?(): boolean;
  signal?: AbortSignal;
}

/** `items` may change meanwhile: a Map's own iterator goes on, visits what was added and leaves out what was removed. */
export async function inSlices<T>(
  items: Iterable<T>,
  visit: (item: T) => void,
  { clock, afterSlice, isDone, signal }: SliceOptions,
): Promise<void> {
  let visited = 0;
  let startedAtMs = clock.monotonicMs();
  for (const item of items) {
    if (isDone?.()) break;
    visit(item);
    visited += 1;
    if (visited % ITEMS_PER_LOOK !== 0) continue;
    if (visited < SLICE_ITEMS && clock.monotonicMs() - startedAtMs < SLICE_MS) continue;
    await afterSlice?.();
    await nextTurn();
    signal?.throwIfAborted();
    visited = 0;
    startedAtMs = clock.monotonicMs();
  }
  await afterSlice?.();
}
