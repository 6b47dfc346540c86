// A clock that tests move by hand; wall and monotonic time start apart, so that mixing them up shows.
import type { Clock } from "@chimera/kernel";

export class HandClock implements Clock {
  ms = 1_000_000;
  readonly #wallOffsetMs = 1_700_000_000_000;

  nowMs(): number {
    return this.#wallOffsetMs + this.ms;
  }

  monotonicMs(): number {
    return this.ms;
  }
}
