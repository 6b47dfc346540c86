// Who holds how much of the cache, who holds more than the quota, and which entry of those leaves first.
import type { Random } from "@chimera/kernel";
import type { Entry } from "./entry.ts";
import { NO_SLOT, Slots, type Slotted } from "./slots.ts";
import { shareOf, type TenantQuotas } from "./tenant-quotas.ts";

/** Of so many entries of a tenant, picked by chance, the least worth keeping leaves: as good as searching all, at a fixed price. */
const SAMPLE = 16;

export interface TenantHolding {
  tenant: string;
  entries: number;
  bytes: number;
  /** Unset is no limit of its own. */
  quotaBytes: number | undefined;
}

interface Quota {
  bytes: number;
  entries: number;
}

/** All entries of one tenant. What is about to come counts already: `bytes` and `count` may be ahead of `entries`. */
class Shelf implements Slotted {
  readonly tenant: string;
  quota: Quota;
  readonly entries = new Slots<Entry>();
  bytes = 0;
  count = 0;
  /** Where it stands among those over their quota. */
  slot = NO_SLOT;

  constructor(tenant: string, quota: Quota) {
    this.tenant = tenant;
    this.quota = quota;
  }

  get isOver(): boolean {
    return this.bytes > this.quota.bytes || this.count > this.quota.entries;
  }
}

export interface TenantShelvesOptions {
  capacityBytes: number;
  maxEntries: number;
  quotas: TenantQuotas;
  random: Random;
}

export class TenantShelves {
  readonly #options: TenantShelvesOptions;
  /** Tenants with an entry: at most as many as there are entries. */
  readonly #shelves = new Map<string, Shelf>();
  readonly #over = new Slots<Shelf>();
  #capacityBytes: number;
  #turn = 0;

  constructor(options: TenantShelvesOptions) {
    this.#options = options;
    this.#capacityBytes = options.capacityBytes;
  }

  /** Quotas that are shares are of the new capacity. */
  resize(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
    for (const shelf of this.#shelves.values()) {
      shelf.quota = this.#quotaOf(shelf.tenant);
      this.#count(shelf, { bytes: 0, entries: 0 });
    }
  }

  /** An entry is about to come: room is made for it next. */
  expect({ tenant, bytes }: Entry): void {
    const shelf = this.#shelves.get(tenant) ?? this.#open(tenant);
    this.#count(shelf, { bytes, entries: 1 });
  }

  /** The entry that was expected is in. */
  placed(entry: Entry): void {
    this.#shelves.get(entry.tenant)?.entries.add(entry);
  }

  left(entry: Entry): void {
    const shelf = this.#shelves.get(entry.tenant);
    if (shelf === undefined) return;
    shelf.entries.remove(entry);
    this.#count(shelf, { bytes: -entry.bytes, entries: -1 });
    if (shelf.count === 0) this.#shelves.delete(entry.tenant);
  }

  /** An entry to evict in place of `victim`, which stays: undefined where its tenant is over quota itself, or nobody is. */
  inPlaceOf(victim: Entry, nowMs: number): Entry | undefined {
    if (this.#over.size === 0 || this.#shelves.get(victim.tenant)?.isOver) return undefined;
    const shelf = this.#next();
    return shelf && this.#leastWorth(shelf, nowMs);
  }

  holdings(): TenantHolding[] {
    return Array.from(this.#shelves.values(), ({ tenant, count, bytes, quota }) => ({
      tenant,
      entries: count,
      bytes,
      quotaBytes: quota.bytes < this.#capacityBytes ? quota.bytes : undefined,
    }));
  }

  #open(tenant: string): Shelf {
    const shelf = new Shelf(tenant, this.#quotaOf(tenant));
    this.#shelves.set(tenant, shelf);
    return shelf;
  }

  #quotaOf(tenant: string): Quota {
    const { maxEntries, quotas } = this.#options;
    const share = shareOf(quotas, tenant, this.#capacityBytes);
    return { bytes: Math.floor(share * this.#capacityBytes), entries: share * maxEntries };
  }

  #count(shelf: Shelf, change: { bytes: number; entries: number }): void {
    shelf.bytes += change.bytes;
    shelf.count += change.entries;
    if (shelf.isOver === (shelf.slot !== NO_SLOT)) return;
    if (shelf.isOver) this.#over.add(shelf);
    else this.#over.remove(shelf);
  }

  /** Those over quota take turns. */
  #next(): Shelf | undefined {
    this.#turn = (this.#turn + 1) % this.#over.size;
    return this.#over.at(this.#turn);
  }

  /** By hits per time since it was stored (hyperbolic caching, Blankstein and others 2017). */
  #leastWorth({ entries }: Shelf, nowMs: number): Entry | undefined {
    let least: Entry | undefined;
    let leastWorth = Number.POSITIVE_INFINITY;
    for (let pick = 0; pick < SAMPLE; pick += 1) {
      const entry = entries.at(Math.floor(this.#options.random() * entries.size));
      if (entry === undefined) return undefined;
      const worth = (entry.hits + 1) / (Math.max(0, nowMs - entry.storedAtMs) + 1);
      if (worth < leastWorth) [least, leastWorth] = [entry, worth];
    }
    return least;
  }
}
