// A token bucket that lends: what a request will cost is only known at its end, so the level is corrected then and may fall
// below zero, down to a bound.
import type { Clock } from "@chimera/kernel";

/** The longest that paying back may take. */
const MAX_DEBT_S = 60;

export interface BucketShape {
  perS: number;
  /** The most it holds, and what it starts with. */
  burst: number;
}

export class TokenBucket {
  readonly #clock: Clock;
  #shape: BucketShape;
  #level: number;
  #filledAtMs: number;

  constructor(clock: Clock, shape: BucketShape) {
    this.#clock = clock;
    this.#shape = shape;
    this.#level = shape.burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  get level(): number {
    this.#fill();
    return this.#level;
  }

  get isFull(): boolean {
    return this.level >= this.#shape.burst;
  }

  /** How long until `take` would give this; 0 is now. What is larger than the bucket waits for a full one. */
  waitMs(tokens: number): number {
    return Math.max(0, ((Math.min(tokens, this.#shape.burst) - this.level) / this.#shape.perS) * 1000);
  }

  /** Returns what was taken, which debt keeps below `tokens` at times; undefined where it has to wait. */
  take(tokens: number): number | undefined {
    if (this.waitMs(tokens) > 0) return undefined;
    return this.#lower(tokens);
  }

  /** Of a cost known later: what it is more, or where negative less, than what was taken. */
  correct(tokens: number): void {
    this.#fill();
    this.#lower(tokens);
  }

  /** Goes on with another shape; what is missing stays missing. */
  reshape(shape: BucketShape): void {
    const missing = this.#shape.burst - this.level;
    this.#shape = shape;
    this.#level = shape.burst;
    this.#lower(missing);
  }

  #lower(tokens: number): number {
    const { perS, burst } = this.#shape;
    const lowest = -Math.max(burst, perS * MAX_DEBT_S);
    const before = this.#level;
    this.#level = Math.min(burst, Math.max(lowest, before - tokens));
    return before - this.#level;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#level = Math.min(this.#shape.burst, this.#level + ((nowMs - this.#filledAtMs) / 1000) * this.#shape.perS);
    this.#filledAtMs = nowMs;
  }
}
