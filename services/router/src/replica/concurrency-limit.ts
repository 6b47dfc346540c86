// How many requests a replica should have at a time: all its slots full, and no longer queue there than it can hide. More wait in
// the router, where the queue is fair. After the Gradient2 limit of Netflix's concurrency-limits, fed with the time to first
// token per token of prompt, since the length of prompts and answers would drown everything else; and, unlike there, compared
// with requests that found a free slot, so that a queue that stays does not become what is normal.

/** Where a replica does not say. */
const UNKNOWN = { slots: 16, maxQueued: 240 };
/** Room beyond the slots, so that a slot that gets free finds its next request there. What waits there waits unfairly. */
const MAX_HEADROOM = 8;
/** How long a free slot stands idle otherwise: its end travels here, the next request there. */
const HOP_MS = 3;
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
  #headroom = headroomOf(UNKNOWN.slots);
  #limit = UNKNOWN.slots + headroomOf(UNKNOWN.slots);
  #turnMs: number | undefined;
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
    const before = this.#slots + this.#headroom;
    this.#slots = slots;
    this.#max = slots + maxQueued;
    this.#headroom = this.#neededHeadroom();
    this.#set(this.#limit + this.#slots + this.#headroom - before);
  }

  /** How long a request holds its slot. Of long ones few end during a hop (Little's law), and none has to stand by for that. */
  noteTurn(turnMs: number): void {
    this.#turnMs = turnMs;
    const before = this.#headroom;
    this.#headroom = this.#neededHeadroom();
    if (this.#headroom !== before) this.#set(this.#limit + this.#headroom - before);
  }

  record({ msPerToken, outstanding }: LimitSample): void {
    const hadSlot = outstanding <= this.#slots;
    if (hadSlot) this.#longMs = mixed(this.#longMs, msPerToken, LONG_WEIGHT);
    this.#shortMs = mixed(this.#shortMs, msPerToken, SHORT_WEIGHT);
    // A limit that is not in use can not be judged.
    if (this.#longMs === undefined || outstanding < this.value / 2) return;
    const gradient = Math.min(1, Math.max(MIN_GRADIENT, (TOLERANCE * this.#longMs) / this.#shortMs));
    const aim = gradient * this.#limit + this.#headroom;
    this.#set(this.#limit + SMOOTHING * (aim - this.#limit));
  }

  /** The replica would not take one more. */
  refused(): void {
    this.#set(this.#limit * BACK_OFF);
  }

  #neededHeadroom(): number {
    const most = headroomOf(this.#slots);
    return this.#turnMs === undefined ? most : Math.min(most, Math.round((this.#slots * HOP_MS) / this.#turnMs));
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
