// Which router is making the answer to a question that nobody has stored yet. A lease is a hint: one that is lost, or outlives
// its flight, costs a second generation or one vain call, never a wrong answer.
import type { Flight } from "@chimera/contracts/cache";
import type { Clock } from "@chimera/kernel";

/** As long as a router gives an answer at most by default: whatever holds a lease longer is gone. */
const TTL_MS = 120_000;
/** More flights than that at a time: the oldest are forgotten. */
const MAX_LEASES = 65_536;

export type Lead = Pick<Flight, "url" | "id">;

interface Lease extends Lead {
  key: string;
  untilMs: number;
}

export interface LeaseTableOptions {
  clock: Clock;
  ttlMs?: number;
  maxLeases?: number;
}

export class LeaseTable {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #maxLeases: number;
  /** Oldest first. */
  readonly #byKey = new Map<string, Lease>();
  readonly #byId = new Map<string, Lease>();
  #joins = 0;

  constructor({ clock, ttlMs = TTL_MS, maxLeases = MAX_LEASES }: LeaseTableOptions) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#maxLeases = maxLeases;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Lookups that were told of another flight. */
  get joins(): number {
    return this.#joins;
  }

  /** The flight that has the lead, where it is another one. Otherwise `flight` has it from now on. */
  take(key: string, { url, id, replaces }: Lead & { replaces?: string }): Lead | undefined {
    const nowMs = this.#clock.monotonicMs();
    const held = this.#byKey.get(key);
    if (held && held.id !== id && held.id !== replaces && nowMs < held.untilMs) {
      this.#joins += 1;
      return { url: held.url, id: held.id };
    }
    if (held) this.#drop(held);
    // Its id may lead one question only, or its end would leave the other behind.
    this.end(id);
    const lease: Lease = { key, url, id, untilMs: nowMs + this.#ttlMs };
    this.#byKey.set(key, lease);
    this.#byId.set(id, lease);
    this.#forgetOldest();
    return undefined;
  }

  /** The answer is stored: who asks from now on finds it. */
  stored(key: string): void {
    const lease = this.#byKey.get(key);
    if (lease) this.#drop(lease);
  }

  /** A flight has ended without an answer that is stored, or is not to be. */
  end(id: string): void {
    const lease = this.#byId.get(id);
    if (lease) this.#drop(lease);
  }

  #forgetOldest(): void {
    if (this.#byKey.size <= this.#maxLeases) return;
    const [oldest] = this.#byKey.values();
    if (oldest) this.#drop(oldest);
  }

  #drop(lease: Lease): void {
    this.#byKey.delete(lease.key);
    this.#byId.delete(lease.id);
  }
}
