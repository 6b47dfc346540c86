// Waking up later, as a parameter: tests bring a time of their own.

export interface Timers {
  /** Calls back once, after `delayMs` at the earliest. Returns what takes it back. */
  schedule(callback: () => void, delayMs: number): () => void;
}

/** Shorter waits than this are a turn of the event loop: setTimeout never waits less than a millisecond. */
const SHORTEST_TIMEOUT_MS = 0.5;

export const systemTimers: Timers = {
  schedule(callback, delayMs) {
    if (delayMs < SHORTEST_TIMEOUT_MS) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(callback, delayMs);
    return () => clearTimeout(timeout);
  },
};
