// Time that passes when everything has been said: each turn of the event loop jumps to the next timer, so that hours take no
// time and every run is the same.
import type { Clock } from "@chimera/kernel";
import type { Timers } from "../timers.ts";

interface Timer {
  atMs: number;
  callback: () => void;
}

export class VirtualTime implements Clock, Timers {
  #nowMs = 0;
  /** In order of time, then of asking. */
  #timers: Timer[] = [];
  #pump: NodeJS.Immediate | undefined;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    const later = this.#timers.findIndex(({ atMs }) => atMs > timer.atMs);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    this.#pumpSoon();
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  #pumpSoon(): void {
    this.#pump ??= setImmediate(() => {
      this.#pump = undefined;
      const timer = this.#timers.shift();
      if (timer === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      this.#pumpSoon();
    });
  }
}
