// How long a router that turns requests away is asked again: pauses grow, and end in giving up.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChimeraError, type Clock, type Random, UnavailableError } from "@chimera/kernel";

/** Doubled per refusal, up to half of it added at random. The router's own advice wins, up to the longest pause. */
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5000;
const GIVE_UP_MS = 60_000;

export interface PatienceOptions {
  clock: Pick<Clock, "monotonicMs">;
  random: Random;
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Shared by everything that asks that router. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>;
  #refusals = 0;
  #refusedSinceMs: number | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#pause = options.pause ?? ((ms, signal) => sleep(ms, undefined, { signal }));
  }

  served(): void {
    this.#refusals = 0;
    this.#refusedSinceMs = undefined;
  }

  /** Resolves when it may be asked again. Throws UnavailableError where nothing was served for a minute. */
  async refused(error: ChimeraError, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#refusedSinceMs ??= nowMs;
    if (nowMs - this.#refusedSinceMs >= GIVE_UP_MS) {
      const message = `the router took nothing for ${GIVE_UP_MS / 1000} s: ${error.message}`;
      throw new UnavailableError(message, { cause: error });
    }
    const backOffMs = FIRST_PAUSE_MS * 2 ** Math.min(this.#refusals, 10) * (1 + random() / 2);
    this.#refusals += 1;
    await this.#pause(Math.min(MAX_PAUSE_MS, Math.max(error.retryAfterMs ?? 0, backOffMs)), signal);
  }
}
