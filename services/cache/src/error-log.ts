// One kind of error for the log, at most one line in ten seconds: a full disk fails thousands of times and says the same each time.
import type { Clock } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";

const MIN_INTERVAL_MS = 10_000;

export class ErrorLog {
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, "error">;
  readonly #message: string;
  #lastMs = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  /** `message`: what such an error means for those who call. */
  constructor(clock: Clock, logger: Pick<Logger, "error">, message: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#message = message;
  }

  add(error: unknown): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs < MIN_INTERVAL_MS) {
      this.#unlogged += 1;
      return;
    }
    this.#logger.error({ err: error, unlogged: this.#unlogged }, this.#message);
    this.#lastMs = nowMs;
    this.#unlogged = 0;
  }
}
