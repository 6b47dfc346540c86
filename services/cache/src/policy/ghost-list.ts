// Remembers keys that left not long ago, by 32 bits of their hash and their size, first in first out. Among a million keys one in
// four thousand strangers is taken for one of them: a wrong guess about room, never a wrong answer.
import { assert } from "@chimera/kernel";
import { mixed } from "./key-hash.ts";

/** Bounds the memory where entries are tiny: at most about 40 bytes for each. */
const MAX_KEYS = 1 << 22;
const FIRST_SLOTS = 1024;
/** The size of an empty slot. */
const EMPTY = -1;

export interface GhostListOptions {
  /** Sum of remembered sizes that is never exceeded. */
  maxBytes: number;
  /** 4,194,304 where unset. */
  maxKeys?: number;
}

/** Typed arrays throughout: with a Map of a million keys the collector's work was most of what a decision cost. */
export class GhostList {
  #maxBytes: number;
  readonly #maxKeys: number;
  /** A ring, oldest first from `#first`, which is counted from the first key ever added. */
  #hashes = new Int32Array(FIRST_SLOTS);
  #sizes = new Float64Array(FIRST_SLOTS).fill(EMPTY);
  #first = 0;
  #next = 0;
  /** Open addressing with linear probing: one more than the slot of a hash in the ring; 0 is free. Twice as long as the ring. */
  #table = new Int32Array(2 * FIRST_SLOTS);
  #size = 0;
  #bytes = 0;

  constructor({ maxBytes, maxKeys = MAX_KEYS }: GhostListOptions) {
    assert(maxBytes > 0 && maxKeys > 0, "a ghost list remembers something");
    this.#maxBytes = maxBytes;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(hash: number): boolean {
    return this.#table[this.#find(hash)] !== 0;
  }

  add(hash: number, bytes: number): void {
    this.take(hash);
    if (this.#next - this.#first === this.#hashes.length) this.#rebuild();
    this.#append(hash, bytes);
    this.#shrink();
  }

  /** The oldest are forgotten where the new bound is lower. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#shrink();
  }

  /** Forgets a key; false where it was not remembered. */
  take(hash: number): boolean {
    const at = this.#find(hash);
    const slot = (this.#table[at] ?? 0) - 1;
    if (slot < 0) return false;
    this.#bytes -= this.#sizes[slot] ?? 0;
    this.#sizes[slot] = EMPTY;
    this.#size -= 1;
    this.#free(at);
    return true;
  }

  #append(hash: number, bytes: number): void {
    const slot = this.#next & (this.#hashes.length - 1);
    this.#hashes[slot] = hash;
    this.#sizes[slot] = bytes;
    this.#table[this.#find(hash)] = slot + 1;
    this.#next += 1;
    this.#size += 1;
    this.#bytes += bytes;
  }

  #shrink(): void {
    while (this.#bytes > this.#maxBytes || this.#size > this.#maxKeys) this.#dropOldest();
  }

  #dropOldest(): void {
    const slot = this.#first & (this.#hashes.length - 1);
    if (this.#sizes[slot] !== EMPTY) this.take(this.#hashes[slot] ?? 0);
    this.#first += 1;
  }

  /** Where in the table a hash stands, or would stand. */
  #find(hash: number): number {
    const [table, hashes] = [this.#table, this.#hashes];
    const mask = table.length - 1;
    let at = this.#home(hash);
    for (let slot = table[at] ?? 0; slot !== 0 && hashes[slot - 1] !== hash; slot = table[at] ?? 0)
      at = (at + 1) & mask;
    return at;
  }

  #home(hash: number): number {
    return mixed(hash) & (this.#table.length - 1);
  }

  /** Those behind it move up as far as they may (Knuth, TAOCP 6.4, algorithm R), so that no search ends too early. */
  #free(freed: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = freed;
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const slot = table[at] ?? 0;
      if (slot === 0) break;
      const home = this.#home(this.#hashes[slot - 1] ?? 0);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = slot;
      hole = at;
    }
    table[hole] = 0;
  }

  /** Without its empty slots, and at most half full. Each slot is copied after at least as many additions. */
  #rebuild(): void {
    const [hashes, sizes, first, next] = [this.#hashes, this.#sizes, this.#first, this.#next];
    const slots = 2 ** Math.ceil(Math.log2(2 * this.#size + FIRST_SLOTS));
    this.#hashes = new Int32Array(slots);
    this.#sizes = new Float64Array(slots).fill(EMPTY);
    this.#table = new Int32Array(2 * slots);
    this.#first = 0;
    this.#next = 0;
    this.#size = 0;
    this.#bytes = 0;
    for (let position = first; position < next; position += 1) {
      const slot = position & (hashes.length - 1);
      const bytes = sizes[slot] ?? EMPTY;
      if (bytes !== EMPTY) this.#append(hashes[slot] ?? 0, bytes);
    }
  }
}
