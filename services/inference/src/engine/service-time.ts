// How long a refused caller should wait: a smoothed time per answer, times the answers ahead, shared by the slots.

/** Weight of the newest answer; about the last ten count. */
const SMOOTHING = 0.2;
/** Before the first answer is known. */
const INITIAL_MS = 100;
const MIN_WAIT_MS = 10;
const MAX_WAIT_MS = 10_000;

export class ServiceTime {
  #averageMs = INITIAL_MS;

  record(durationMs: number): void {
    this.#averageMs += SMOOTHING * (durationMs - this.#averageMs);
  }

  /** Milliseconds until `queued` waiting answers and one more have found one of `slots`, between 10 ms and 10 s. */
  waitMs(queued: number, slots: number): number {
    const waitMs = Math.ceil(((queued + 1) * this.#averageMs) / slots);
    return Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waitMs));
  }
}
