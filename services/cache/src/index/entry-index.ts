// The cache's own index: which answers are resident, how large, how often used. Byte stores know none of this. It decides
// what is in; the byte store only follows.
import { assert, type Clock, type Random, systemRandom } from "@chimera/kernel";
import type { Policy } from "../policy/policy.ts";
import { inSlices } from "../slices.ts";
import { ChangingPolicy } from "./changing-policy.ts";
import { Entry, type EntryFacts } from "./entry.ts";
import { type Eviction, Evictions } from "./evictions.ts";
import { inOrderOfUse } from "./order-of-use.ts";
import { NO_QUOTAS, type TenantQuotas } from "./tenant-quotas.ts";
import { type TenantHolding, TenantShelves } from "./tenant-shelves.ts";

/** One answer may take at most this share of the capacity, so that no single answer empties the cache. */
export const MAX_ENTRY_SHARE = 0.05;

/** Learns what is asked for and stored; simulations are fed by it. */
export interface IndexObserver {
  hit(entry: Entry): void;
  missed(key: string): void;
  added(entry: Entry): void;
  /** Left for another reason than eviction. */
  removed(entry: Entry): void;
}

export interface EntryIndexOptions {
  /** Sum of entry bytes that is never exceeded. */
  capacityBytes: number;
  /** Number of entries that is never exceeded: bounds the index's own memory, which `capacityBytes` does not count. */
  maxEntries: number;
  policy: Policy<Entry>;
  /** None where unset. */
  quotas?: TenantQuotas;
  random?: Random;
  observer?: IndexObserver;
}

export class EntryIndex {
  readonly maxEntries: number;
  readonly #policy: ChangingPolicy;
  readonly #observer: IndexObserver | undefined;
  readonly #shelves: TenantShelves;
  readonly #evictions: Evictions;
  /** At most `maxEntries`. */
  readonly #entries = new Map<string, Entry>();
  #capacityBytes: number;
  #maxEntryBytes: number;
  #bytes = 0;

  constructor({ capacityBytes, maxEntries, policy, observer, ...tenants }: EntryIndexOptions) {
    assert(capacityBytes > 0 && maxEntries > 0, "an index holds something");
    this.#capacityBytes = capacityBytes;
    this.#maxEntryBytes = Math.floor(capacityBytes * MAX_ENTRY_SHARE);
    this.maxEntries = maxEntries;
    this.#policy = new ChangingPolicy(policy);
    this.#observer = observer;
    const { quotas = NO_QUOTAS, random = systemRandom } = tenants;
    this.#shelves = new TenantShelves({ capacityBytes, maxEntries, quotas, random });
    this.#evictions = new Evictions(capacityBytes);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  get maxEntryBytes(): number {
    return this.#maxEntryBytes;
  }

  get policyName(): string {
    return this.#policy.name;
  }

  get evictions(): number {
    return this.#evictions.count;
  }

  /** Misses for what was evicted not long before. */
  get ghostHits(): number {
    return this.#evictions.ghostHits;
  }

  /** The last 4096, oldest first. */
  recentEvictions(): readonly Eviction[] {
    return this.#evictions.recent();
  }

  /** In order of insertion. Entries may come and go meanwhile. */
  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Every tenant with an entry. */
  tenants(): TenantHolding[] {
    return this.#shelves.holdings();
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Whether an entry of this size may be added. */
  admits(bytes: number): boolean {
    return bytes <= this.#maxEntryBytes;
  }

  /** Adds or replaces an entry. Returns it with those that had to leave; the caller deletes their bytes. */
  add(facts: EntryFacts): { entry: Entry; evicted: readonly Entry[] } {
    assert(this.admits(facts.bytes), "an entry is checked before it is added");
    const previous = this.#entries.get(facts.key);
    const entry = new Entry(facts);
    if (previous !== undefined) {
      entry.hits += previous.hits;
      this.#takeOut(previous);
    }
    this.#evictions.forget(entry.key);
    const evicted = this.#makeRoom(entry);
    this.#entries.set(entry.key, entry);
    entry.isResident = true;
    this.#bytes += entry.bytes;
    this.#shelves.placed(entry);
    this.#policy.added(entry);
    this.#observer?.added(entry);
    return { entry, evicted };
  }

  /** Counts a hit; false where the entry has left meanwhile. */
  used(entry: Entry, nowMs: number): boolean {
    if (!entry.isResident) return false;
    entry.hits += 1;
    entry.lastUsedMs = nowMs;
    this.#policy.used(entry);
    this.#observer?.hit(entry);
    return true;
  }

  /** Somebody asked for what is not stored; true where it was evicted not long ago. */
  noteMiss(key: string): boolean {
    this.#observer?.missed(key);
    return this.#evictions.noteMiss(key);
  }

  /** Takes an entry out; false where it was already gone or replaced. */
  remove(entry: Entry): boolean {
    if (!entry.isResident) return false;
    this.#takeOut(entry);
    this.#observer?.removed(entry);
    return true;
  }

  /** Another policy takes over, from the entry that was used longest ago on, in slices. Nothing leaves for it. */
  async changePolicy(policy: Policy<Entry>, clock: Pick<Clock, "monotonicMs">): Promise<void> {
    const ordered = await inOrderOfUse(this.#entries.values(), { clock });
    this.#policy.begin(policy);
    const move = (entry: Entry) => {
      if (entry.isResident) this.#policy.move(entry);
    };
    await inSlices(ordered, move, { clock });
    // Those that came while the others were put in order are the newest.
    await inSlices(this.#entries.values(), move, { clock });
    this.#policy.end();
  }

  /**
   * Gives those that have to leave, one after the other; the caller deletes their bytes. The bound goes down with each of them, so
   * that nothing that comes meanwhile has to wait for all, and is the new one after the last.
   */
  *resize(capacityBytes: number, nowMs: number): Generator<Entry, void> {
    assert(capacityBytes > 0, "an index holds something");
    this.#maxEntryBytes = Math.floor(capacityBytes * MAX_ENTRY_SHARE);
    this.#shelves.resize(capacityBytes);
    while (this.#bytes > capacityBytes) {
      const victim = this.#evict(nowMs);
      this.#capacityBytes = Math.max(capacityBytes, this.#bytes);
      yield victim;
    }
    this.#capacityBytes = capacityBytes;
    this.#evictions.resize(capacityBytes);
    this.#policy.resized(capacityBytes);
  }

  #makeRoom(incoming: Entry): readonly Entry[] {
    const evicted: Entry[] = [];
    this.#shelves.expect(incoming);
    while (this.#bytes + incoming.bytes > this.#capacityBytes || this.#entries.size >= this.maxEntries) {
      evicted.push(this.#evict(incoming.storedAtMs));
    }
    return evicted;
  }

  #evict(nowMs: number): Entry {
    const victim = this.#victim(nowMs);
    this.#forget(victim);
    this.#evictions.note(victim, nowMs);
    return victim;
  }

  /** The policy's choice, unless another tenant holds more than its quota: then one of that tenant's. */
  #victim(nowMs: number): Entry {
    const chosen = this.#policy.evict();
    assert(chosen !== undefined, "a full index has a victim");
    const other = this.#shelves.inPlaceOf(chosen, nowMs);
    if (other === undefined) return chosen;
    this.#policy.added(chosen);
    this.#policy.removed(other);
    return other;
  }

  #takeOut(entry: Entry): void {
    this.#policy.removed(entry);
    this.#forget(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.key);
    entry.isResident = false;
    this.#bytes -= entry.bytes;
    this.#shelves.left(entry);
  }
}
