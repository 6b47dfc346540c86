// Bounds the evaluations that run at a time: each one holds its items in memory and keeps requests in flight.
import { OverloadedError } from "@chimera/kernel";

const RETRY_AFTER_MS = 5000;

export class RunSlots {
  readonly #size: number;
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes a slot; disposing gives it back. Throws OverloadedError where none is free. */
  take(): Disposable {
    if (this.#taken >= this.#size) {
      throw new OverloadedError(`${this.#size} evaluations are running already; try again later`, RETRY_AFTER_MS);
    }
    this.#taken += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#taken -= 1;
        held = false;
      },
    };
  }
}
