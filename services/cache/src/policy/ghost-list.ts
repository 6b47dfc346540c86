// Remembers keys that left not long ago, by 32 bits of their hash and their size, first in first out. Among a million keys one in
// four thousand strangers is taken for one of them: a wrong guess about room, never a wrong answer.
import { assert } from "@chimera/kernel";

/** Bounds the memory where entries are tiny: at most about 50 bytes for each. */
const MAX_KEYS = 1 << 22;
const FIRST_SLOTS = 1024;

export interface GhostListOptions {
  /** Sum of remembered sizes that is never exceeded. */
  maxBytes: number;
  /** 4,194,304 where unset. */
  maxKeys?: number;
}

export class GhostList {
  readonly #maxBytes: number;
  readonly #maxKeys: number;
  /** Where each remembered hash stands: counted from the first one ever added. At most `maxKeys`. */
  readonly #positions = new Map<number, number>();
  /** Rings by position. A slot whose hash stands elsewhere, or nowhere, is empty. */
  #hashes = new Int32Array(FIRST_SLOTS);
  #sizes = new Float64Array(FIRST_SLOTS);
  #first = 0;
  #next = 0;
  #bytes = 0;

  constructor({ maxBytes, maxKeys = MAX_KEYS }: GhostListOptions) {
    assert(maxBytes > 0 && maxKeys > 0, "a ghost list remembers something");
    this.#maxBytes = maxBytes;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#positions.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(hash: number): boolean {
    return this.#positions.has(hash);
  }

  add(hash: number, bytes: number): void {
    this.take(hash);
    if (this.#next - this.#first === this.#hashes.length) this.#rebuild();
    const slot = this.#slot(this.#next);
    this.#hashes[slot] = hash;
    this.#sizes[slot] = bytes;
    this.#positions.set(hash, this.#next);
    this.#next += 1;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes || this.#positions.size > this.#maxKeys) this.#dropOldest();
  }

  /** Forgets a key; false where it was not remembered. */
  take(hash: number): boolean {
    const position = this.#positions.get(hash);
    if (position === undefined) return false;
    this.#positions.delete(hash);
    this.#bytes -= this.#sizes[this.#slot(position)] ?? 0;
    return true;
  }

  #slot(position: number): number {
    return position & (this.#hashes.length - 1);
  }

  #dropOldest(): void {
    const hash = this.#hashes[this.#slot(this.#first)] ?? 0;
    if (this.#positions.get(hash) === this.#first) this.take(hash);
    this.#first += 1;
  }

  /** Without its empty slots, and at most half full. Each slot is copied after at least as many additions. */
  #rebuild(): void {
    const [hashes, sizes] = [this.#hashes, this.#sizes];
    const slots = 2 ** Math.ceil(Math.log2(2 * this.#positions.size + FIRST_SLOTS));
    this.#hashes = new Int32Array(slots);
    this.#sizes = new Float64Array(slots);
    let next = 0;
    for (let position = this.#first; position < this.#next; position += 1) {
      const old = position & (hashes.length - 1);
      const hash = hashes[old] ?? 0;
      if (this.#positions.get(hash) !== position) continue;
      this.#hashes[next] = hash;
      this.#sizes[next] = sizes[old] ?? 0;
      next += 1;
    }
    // Only now: the old positions told which slots were empty.
    this.#positions.clear();
    for (let position = 0; position < next; position += 1) this.#positions.set(this.#hashes[position] ?? 0, position);
    this.#first = 0;
    this.#next = next;
  }
}
