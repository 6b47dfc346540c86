// How often a crashed service is started again: soon at first, then later, and not without end. A service that can not stay
// up is a fault to look at, and restarting it for ever would hide that.
import type { Clock } from "@chimera/kernel";

const MAX_RESTARTS = 5;
const WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 200;

export class RestartBudget {
  readonly #clock: Clock;
  /** Monotonic times of restarts within the window; never more than MAX_RESTARTS. */
  #restarts: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds to wait before the next start, or undefined where the budget (5 within 60 s) is spent. */
  next(): number | undefined {
    const now = this.#clock.monotonicMs();
    this.#restarts = this.#restarts.filter((at) => now - at < WINDOW_MS);
    if (this.#restarts.length >= MAX_RESTARTS) return undefined;
    const delayMs = FIRST_DELAY_MS * 2 ** this.#restarts.length;
    this.#restarts.push(now);
    return delayMs;
  }
}
