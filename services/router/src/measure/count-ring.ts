// How many events happened when, over the last minute: one counter per slot of time, so that no rate of events costs more memory.
import { WINDOW_MS } from "./quantiles.ts";

export class CountRing {
  readonly #slotMs: number;
  readonly #counts: Uint32Array;
  #newest = Number.NEGATIVE_INFINITY;

  /** Windows move in steps of `slotMs`, which divides the minute. */
  constructor(slotMs: number) {
    this.#slotMs = slotMs;
    this.#counts = new Uint32Array(WINDOW_MS / slotMs);
  }

  add(nowMs: number): void {
    const index = this.#indexOf(this.#advance(nowMs));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Events of the newest `windowMs`, up to the whole minute. */
  sum(nowMs: number, windowMs = WINDOW_MS): number {
    const newest = this.#advance(nowMs);
    let sum = 0;
    for (let age = windowMs / this.#slotMs - 1; age >= 0; age -= 1)
      sum += this.#counts[this.#indexOf(newest - age)] ?? 0;
    return sum;
  }

  /** Most events in any `windowMs` within the minute. */
  peak(nowMs: number, windowMs: number): number {
    const newest = this.#advance(nowMs);
    const width = windowMs / this.#slotMs;
    let sum = 0;
    let most = 0;
    for (let age = this.#counts.length - 1; age >= 0; age -= 1) {
      sum += this.#counts[this.#indexOf(newest - age)] ?? 0;
      const left = age + width;
      if (left < this.#counts.length) sum -= this.#counts[this.#indexOf(newest - left)] ?? 0;
      if (sum > most) most = sum;
    }
    return most;
  }

  /** Empties the slots that time has passed over; each is emptied at most once per slot of time. */
  #advance(nowMs: number): number {
    const slot = Math.floor(nowMs / this.#slotMs);
    const first = Math.max(this.#newest + 1, slot - this.#counts.length + 1);
    for (let passed = first; passed <= slot; passed += 1) this.#counts[this.#indexOf(passed)] = 0;
    this.#newest = Math.max(this.#newest, slot);
    return this.#newest;
  }

  #indexOf(slot: number): number {
    const index = slot % this.#counts.length;
    return index < 0 ? index + this.#counts.length : index;
  }
}
