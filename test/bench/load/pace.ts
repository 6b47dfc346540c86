// Waits for a moment more exactly than a timer can. Node's timers count in whole milliseconds, which is as much as a cached
// answer takes; the last stretch is therefore spent turning the event loop, which keeps reading answers meanwhile.
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { Clock } from "@chimera/kernel";

/** Turned rather than slept; costs this much CPU of the load generator per request at most. */
const TURNED_MS = 1.2;

/** Resolves at `atMs` of the clock's monotonic time, at once where that has passed, or early when the signal aborts. */
export async function waitUntil(atMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const sleepMs = Math.floor(atMs - clock.monotonicMs() - TURNED_MS);
  if (sleepMs > 0) await wait(sleepMs, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted && clock.monotonicMs() < atMs) await nextTurn();
}
