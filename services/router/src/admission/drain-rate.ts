// How much cost leaves a queue each second. Only time in which something waits counts: while nothing does, what leaves is what
// arrives, and says nothing of how much could. The cost is the estimated one, in which what is queued is counted as well: what was
// used in the end would give a wait that is wrong by as much as the estimates are. The rate is the ratio of two averages that
// forget at the same pace, so it is right from the first moments on and needs no start value.
import type { Clock } from "@chimera/kernel";

/** What is older than this counts little: a replica more or less shows within about twice of it. */
const TIME_CONSTANT_MS = 10_000;
/** Fewer than these are chance. */
const MIN_SERVED = 8;

export class DrainRate {
  readonly #clock: Clock;
  #cost = 0;
  #waitedMs = 0;
  #served = 0;
  #sinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether something waits from now on. */
  waits(something: boolean): void {
    this.#pass();
    this.#sinceMs = something ? this.#clock.monotonicMs() : undefined;
  }

  /** Does nothing while nothing waits. */
  served(cost: number): void {
    if (this.#sinceMs === undefined) return;
    this.#pass();
    this.#cost += cost;
    this.#served += 1;
  }

  /** Undefined where it is not known yet. */
  get perS(): number | undefined {
    this.#pass();
    if (this.#served < MIN_SERVED || this.#waitedMs === 0) return undefined;
    return (this.#cost / this.#waitedMs) * 1000;
  }

  #pass(): void {
    if (this.#sinceMs === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const kept = Math.exp(-(nowMs - this.#sinceMs) / TIME_CONSTANT_MS);
    this.#cost *= kept;
    this.#waitedMs = this.#waitedMs * kept + TIME_CONSTANT_MS * (1 - kept);
    this.#sinceMs = nowMs;
  }
}
