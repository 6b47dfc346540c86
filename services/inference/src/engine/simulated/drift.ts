// How the speed of an engine wanders: heat, neighbours, clocks. A stationary Ornstein-Uhlenbeck process on the logarithm of the
// step time, sampled on a fixed grid, so that it depends on seed and time alone and not on which steps were asked about.
import { type Random, seededRandom } from "@chimera/kernel";

/** Points per correlation time; between them the process is a straight line. */
const POINTS_PER_TIME = 8;

export interface DriftOptions {
  /** Standard deviation of the logarithm of the factor. */
  sd: number;
  /** Correlation falls to 1/e over this time. */
  timeMs: number;
  seed: number;
}

export class Drift {
  readonly #sd: number;
  readonly #gridMs: number;
  readonly #random: Random;
  #index = 0;
  #from: number;
  #to: number;

  constructor({ sd, timeMs, seed }: DriftOptions) {
    this.#sd = sd;
    this.#gridMs = timeMs / POINTS_PER_TIME;
    this.#random = seededRandom(seed);
    this.#from = gaussian(this.#random);
    this.#to = this.#after(this.#from);
  }

  /** What a step that begins at `atMs` is multiplied with. Times must not go back. */
  factorAt(atMs: number): number {
    if (this.#sd === 0) return 1;
    const position = atMs / this.#gridMs;
    while (position >= this.#index + 1) {
      this.#index++;
      this.#from = this.#to;
      this.#to = this.#after(this.#from);
    }
    return Math.exp(this.#sd * (this.#from + (this.#to - this.#from) * (position - this.#index)));
  }

  #after(value: number): number {
    const kept = Math.exp(-1 / POINTS_PER_TIME);
    return kept * value + Math.sqrt(1 - kept * kept) * gaussian(this.#random);
  }
}

/** Box and Muller 1958. */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
