// What an engine counts of its answers, and how long a refused caller should wait by them.
import type { CompletePart } from "./engine.ts";
import { ServiceTime } from "./service-time.ts";

export class AnswerCounts {
  readonly #serviceTime = new ServiceTime();
  /** Being computed now. */
  active = 0;
  finished = 0;
  cancelled = 0;
  generatedTokens = 0;

  async whileActive<T>(work: () => Promise<T>): Promise<T> {
    this.active++;
    try {
      return await work();
    } finally {
      this.active--;
    }
  }

  finish({ totalMs, queueMs }: CompletePart["timings"]): void {
    this.finished++;
    this.#serviceTime.record(totalMs - queueMs);
  }

  /** Milliseconds until one more than `queued` waiting answers have found one of `slots`. */
  waitMs(queued: number, slots: number): number {
    return this.#serviceTime.waitMs(queued, slots);
  }

  /** For the engine's description. */
  get totals(): { finished: number; cancelled: number; generatedTokens: number } {
    const { finished, cancelled, generatedTokens } = this;
    return { finished, cancelled, generatedTokens };
  }
}
