// Moments at which an engine does nothing: garbage collection, a neighbour on its core. They come at random while it computes.
import { type Random, seededRandom } from "@chimera/kernel";
import type { SimulationParameters } from "./parameters.ts";

export class Stalls {
  readonly #everyMs: number;
  readonly #meanMs: number;
  readonly #random: Random;
  /** Computing time until the next one. */
  #untilNextMs: number;

  constructor({ stallEveryMs, stallMs }: Pick<SimulationParameters, "stallEveryMs" | "stallMs">, seed: number) {
    this.#everyMs = stallEveryMs;
    this.#meanMs = stallMs;
    this.#random = seededRandom(seed);
    this.#untilNextMs = stallEveryMs > 0 && stallMs > 0 ? this.#exponential(stallEveryMs) : Number.POSITIVE_INFINITY;
  }

  /** Milliseconds lost during so much computing. */
  during(workMs: number): number {
    this.#untilNextMs -= workMs;
    let lostMs = 0;
    while (this.#untilNextMs <= 0) {
      lostMs += this.#exponential(this.#meanMs);
      this.#untilNextMs += this.#exponential(this.#everyMs);
    }
    return lostMs;
  }

  #exponential(meanMs: number): number {
    return -meanMs * Math.log(1 - this.#random());
  }
}
