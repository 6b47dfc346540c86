// How often keys were asked for lately, in a few bytes each: a count-min sketch (Cormode and Muthukrishnan 2005) whose counts halve
// at intervals, so that old fame fades. It never counts too little, and too much only where keys share all their counters.
import { mixed } from "./key-hash.ts";

const ROWS = 4;
const MAX_COUNT = 15;
/** Counts are halved after this many additions per counter of a row (TinyLFU's sample size). */
const SAMPLE_PER_COUNTER = 10;
const FIRST_WIDTH = 1024;
/** 64 MiB of counters in all. */
const MAX_WIDTH = 1 << 24;

export class FrequencySketch {
  #width = FIRST_WIDTH;
  #counts = new Uint8Array(ROWS * FIRST_WIDTH);
  #additions = 0;

  /** Makes room for so many keys. Growing forgets what was counted; each time it holds twice as many as before. */
  ensure(keys: number): void {
    if (keys <= this.#width || this.#width === MAX_WIDTH) return;
    this.#width = Math.min(MAX_WIDTH, 2 ** Math.ceil(Math.log2(keys)));
    this.#counts = new Uint8Array(ROWS * this.#width);
    this.#additions = 0;
  }

  add(hash: number): void {
    for (let row = 0; row < ROWS; row += 1) {
      const at = this.#at(hash, row);
      const count = this.#counts[at] ?? 0;
      if (count < MAX_COUNT) this.#counts[at] = count + 1;
    }
    this.#additions += 1;
    if (this.#additions >= SAMPLE_PER_COUNTER * this.#width) this.#halve();
  }

  count(hash: number): number {
    let least = MAX_COUNT;
    for (let row = 0; row < ROWS; row += 1) least = Math.min(least, this.#counts[this.#at(hash, row)] ?? 0);
    return least;
  }

  #at(hash: number, row: number): number {
    return row * this.#width + (mixed(hash + Math.imul(row, 0x9e3779b9)) & (this.#width - 1));
  }

  #halve(): void {
    for (let at = 0; at < this.#counts.length; at += 1) this.#counts[at] = (this.#counts[at] ?? 0) >>> 1;
    this.#additions = 0;
  }
}
