// Lets the step loop run along with a clock, `timeScale` times as fast as what it simulates. A timer that fires late delays
// what is heard, never what is simulated: the loop catches up with the steps that ended meanwhile.
import type { Clock } from "@chimera/kernel";
import type { StepLoop } from "./step-loop.ts";
import type { Timers } from "./timers.ts";

export interface DriverOptions {
  loop: StepLoop;
  clock: Clock;
  timers: Timers;
  /** Simulated milliseconds per millisecond of the clock. */
  timeScale: number;
  /** After everything that may have changed the loop. */
  onChange(): void;
}

export class Driver {
  readonly #options: DriverOptions;
  readonly #startedAtMs: number;
  #takeBack: (() => void) | undefined;
  #isStopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
  }

  /** Does something to the loop at this moment, simulated time. */
  at<T>(act: (loop: StepLoop, nowMs: number) => T): T {
    try {
      return act(this.#options.loop, this.#nowMs());
    } finally {
      this.#changed();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#takeBack?.();
  }

  #nowMs(): number {
    return (this.#options.clock.monotonicMs() - this.#startedAtMs) * this.#options.timeScale;
  }

  #changed(): void {
    this.#options.onChange();
    this.#takeBack?.();
    this.#takeBack = undefined;
    const wakeAtMs = this.#options.loop.wakeAtMs;
    if (wakeAtMs === undefined || this.#isStopped) return;
    const delayMs = Math.max(0, wakeAtMs - this.#nowMs()) / this.#options.timeScale;
    this.#takeBack = this.#options.timers.schedule(() => {
      this.#takeBack = undefined;
      this.#options.loop.advanceTo(this.#nowMs(), { begins: true });
      this.#changed();
    }, delayMs);
  }
}
