// The bytes of everything different in a trace, estimated in bounded memory: keys are sampled by hash, and the sample is halved as often
// as it grows too large (adaptive sampling, Flajolet 1990). Exact while nothing was halved.
import { keyHash } from "../policy/key-hash.ts";

const MAX_SAMPLED = 65_536;

export class WorkingSet {
  /** Sampled hashes with the bytes of their answers; at most MAX_SAMPLED. */
  readonly #sampled = new Map<number, number>();
  #share = 1;

  get bytes(): number {
    let total = 0;
    for (const bytes of this.#sampled.values()) total += bytes;
    return total / this.#share;
  }

  add(key: string, bytes: number): void {
    const hash = keyHash(key) >>> 0;
    if (hash >= this.#share * 2 ** 32) return;
    this.#sampled.set(hash, bytes);
    if (this.#sampled.size > MAX_SAMPLED) this.#halve();
  }

  #halve(): void {
    this.#share /= 2;
    for (const hash of this.#sampled.keys()) if (hash >= this.#share * 2 ** 32) this.#sampled.delete(hash);
  }
}
