// How many requests a replica should have at a time: all its slots full, and no longer queue there than it can hide. More wait in
// the router, where the queue is fair. After the Gradient2 limit of Netflix's concurrency-limits, fed with the time to first
// token per token of prompt, since the length of prompts and answers would drown everything else; and, unlike there, compared
// with requests that found a free slot, so that a queue that stays does not become what is normal.

/** Where a replica does not say. */
const UNKNOWN = { slots: 16, maxQueued: 240 };
/** Room beyond the slots, so that a slot that gets free finds its next request there. */
const MAX_HEADROOM = 8;
const SLOTS_PER_HEADROOM = 8;
/** First tokens may take this much longer than without a queue before the limit gives way. */
const TOLERANCE = 1.5;
const MIN_GRADIENT = 0.5;
/** Share of the way that one sample moves the limit. */
const SMOOTHING = 0.2;
const SHORT_WEIGHT = 0.2;
const LONG_WEIGHT = 0.01;
/** Share that is kept after a refusal. */
const BACK_OFF = 0.9;

export interface LimitSample {
  /** Time to first token over tokens to compute. */
  msPerToken: number;
  /** Requests there when it was sent, itself among them. */
  outstanding: number;
}

export class ConcurrencyLimit {
  #slots = UNKNOWN.slots;
  #max = UNKNOWN.slots + UNKNOWN.maxQueued;
  #limit = startOf(UNKNOWN.slots);
  /** Without a queue, and lately. */
  #longMs: number | undefined;
  #shortMs: number | undefined;

  get value(): number {
    return Math.floor(this.#limit);
  }

  get slots(): number {
    return this.#slots;
  }

  /** What the replica takes at most. */
  get max(): number {
    return this.#max;
  }

  /** What the replica says of itself; it may change while it runs. 0 slots: it does not say. */
  setBounds({ slots, maxQueued }: { slots: number; maxQueued: number }): void {
    if (slots === 0 || (slots === this.#slots && slots + maxQueued === this.#max)) return;
    const change = startOf(slots) - startOf(this.#slots);
    this.#slots = slots;
    this.#max = slots + maxQueued;
    this.#set(this.#limit + change);
  }

  record({ msPerToken, outstanding }: LimitSample): void {
    const hadSlot = outstanding <= this.#slots;
    if (hadSlot) this.#longMs = mixed(this.#longMs, msPerToken, LONG_WEIGHT);
    this.#shortMs = mixed(this.#shortMs, msPerToken, SHORT_WEIGHT);
    // A limit that is not in use can not be judged.
    if (this.#longMs === undefined || outstanding < this.value / 2) return;
    const gradient = Math.min(1, Math.max(MIN_GRADIENT, (TOLERANCE * this.#longMs) / this.#shortMs));
    const aim = gradient * this.#limit + headroomOf(this.#slots);
    this.#set(this.#limit + SMOOTHING * (aim - this.#limit));
  }

  /** The replica would not take one more. */
  refused(): void {
    this.#set(this.#limit * BACK_OFF);
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.#max, Math.max(this.#slots, limit));
  }
}

function mixed(before: number | undefined, sample: number, weight: number): number {
  return before === undefined ? sample : before + weight * (sample - before);
}

function headroomOf(slots: number): number {
  return Math.min(MAX_HEADROOM, Math.ceil(slots / SLOTS_PER_HEADROOM));
}

function startOf(slots: number): number {
  return slots + headroomOf(slots);
}
