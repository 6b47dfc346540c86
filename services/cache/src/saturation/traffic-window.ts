// What was looked up and stored lately: counts in slots of time, the oldest of which leaves whole.
import type { Clock } from "@chimera/kernel";

const SLOT_MS = 10_000;
/** Ten minutes. */
const SLOTS = 60;

export interface Traffic {
  lookups: number;
  hits: number;
  /** Misses for answers that were evicted not long before. */
  ghostHits: number;
  /** Misses for answers that were there, past their time. */
  expiredMisses: number;
  stores: number;
}

export interface RecentTraffic extends Traffic {
  /** Time that the counts stand for; shorter than the window where the cache is younger. */
  windowMs: number;
}

export class TrafficWindow {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #startedAtMs: number;
  /** Slots by their number modulo SLOTS. */
  readonly #slots: { number: number; counts: Traffic }[] = [];

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
    this.#startedAtMs = clock.monotonicMs();
  }

  count(name: keyof Traffic): void {
    this.#slot().counts[name] += 1;
  }

  recent(): RecentTraffic {
    const nowMs = this.#clock.monotonicMs();
    const newest = Math.floor(nowMs / SLOT_MS);
    const total = noTraffic();
    for (const { number, counts } of this.#slots) {
      if (number <= newest - SLOTS) continue;
      for (const name of Object.keys(total) as (keyof Traffic)[]) total[name] += counts[name];
    }
    const windowStartMs = Math.max(this.#startedAtMs, (newest - SLOTS + 1) * SLOT_MS);
    return { ...total, windowMs: Math.max(0, nowMs - windowStartMs) };
  }

  #slot() {
    const number = Math.floor(this.#clock.monotonicMs() / SLOT_MS);
    const at = ((number % SLOTS) + SLOTS) % SLOTS;
    const slot = this.#slots[at];
    if (slot?.number === number) return slot;
    const fresh = { number, counts: noTraffic() };
    // Filled from the front, so that the list has no holes.
    while (this.#slots.length <= at) this.#slots.push({ number: Number.NEGATIVE_INFINITY, counts: noTraffic() });
    this.#slots[at] = fresh;
    return fresh;
  }
}

function noTraffic(): Traffic {
  return { lookups: 0, hits: 0, ghostHits: 0, expiredMisses: 0, stores: 0 };
}
