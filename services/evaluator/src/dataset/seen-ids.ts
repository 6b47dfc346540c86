// Which ids have been seen, in 8 bytes each instead of their text. Two different ids look alike once in 10^15 pairs or so: a
// file of a million is refused wrongly about once in 10,000.
import { FailedPreconditionError } from "@chimera/kernel";

const MAX_IDS = 5_000_000;
const FIRST_CAPACITY = 1024;
/** Share of the table that is filled before it doubles. */
const MAX_LOAD = 0.7;

export class SeenIds {
  // Open addressing, linear probing; 0 is a free place.
  #table = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  /** False where it was there already. Throws FailedPreconditionError past five million. */
  add(id: string): boolean {
    if (this.#size === MAX_IDS) throw new FailedPreconditionError(`more than ${MAX_IDS} items in one file`);
    if (this.#size >= MAX_LOAD * this.#table.length) this.#grow();
    if (!insert(this.#table, fingerprint(id))) return false;
    this.#size += 1;
    return true;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#table.length);
    for (const print of this.#table) if (print !== 0) insert(larger, print);
    this.#table = larger;
  }
}

function insert(table: Float64Array, print: number): boolean {
  let place = print % table.length;
  for (let held = table[place]; held !== 0; held = table[place]) {
    if (held === print) return false;
    place = (place + 1) % table.length;
  }
  table[place] = print;
  return true;
}

/** 53 bits, never 0: two multiplicative hashes of 32 bits side by side, each finished like MurmurHash3. */
function fingerprint(id: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  return (finished(high ^ (low >>> 15)) >>> 11) * 2 ** 32 + (finished(low ^ (high >>> 13)) >>> 0) + 1;
}

function finished(state: number): number {
  let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}
