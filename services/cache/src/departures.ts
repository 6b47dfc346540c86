// Why answers are no longer here: the last that left, so that somebody who asks after a miss can be told.

/** "lost": its bytes could not be kept, or were not the ones that had been stored. */
export type DepartureReason = "expired" | "evicted" | "pruned" | "invalidated" | "lost";

export interface Departure {
  /** Key in the byte store, "tenant:hash". */
  key: string;
  reason: DepartureReason;
  atMs: number;
}

const MAX_DEPARTURES = 16_384;

export class Departures {
  /** A ring: the oldest is overwritten. At most `max`. */
  readonly #ring: (Departure | undefined)[] = [];
  /** The last departure of each key in the ring. */
  readonly #byKey = new Map<string, Departure>();
  readonly #max: number;
  #next = 0;

  constructor(max = MAX_DEPARTURES) {
    this.#max = max;
  }

  note(departure: Departure): void {
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined && this.#byKey.get(oldest.key) === oldest) this.#byKey.delete(oldest.key);
    this.#ring[this.#next] = departure;
    this.#byKey.set(departure.key, departure);
    this.#next = (this.#next + 1) % this.#max;
  }

  /** It is back. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  get(key: string): Departure | undefined {
    return this.#byKey.get(key);
  }

  values(): Iterable<Departure> {
    return this.#byKey.values();
  }
}
