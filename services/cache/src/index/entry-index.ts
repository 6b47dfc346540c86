// The cache's own index: which answers are resident, how large, how often used. Byte stores know none of this. It decides
// what is in; the byte store only follows.
import { assert } from "@chimera/kernel";
import type { Policy } from "../policy/policy.ts";
import { Entry, type EntryFacts } from "./entry.ts";

/** One answer may take at most this share of the capacity, so that no single answer empties the cache. */
export const MAX_ENTRY_SHARE = 0.05;

export interface EntryIndexOptions {
  /** Sum of entry bytes that is never exceeded. */
  capacityBytes: number;
  /** Number of entries that is never exceeded: bounds the index's own memory, which `capacityBytes` does not count. */
  maxEntries: number;
  policy: Policy<Entry>;
}

export class EntryIndex {
  readonly capacityBytes: number;
  readonly maxEntryBytes: number;
  readonly #maxEntries: number;
  readonly #policy: Policy<Entry>;
  /** At most `maxEntries`. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #evictions = 0;

  constructor(options: EntryIndexOptions) {
    assert(options.capacityBytes > 0 && options.maxEntries > 0, "an index holds something");
    this.capacityBytes = options.capacityBytes;
    this.maxEntryBytes = Math.floor(options.capacityBytes * MAX_ENTRY_SHARE);
    this.#maxEntries = options.maxEntries;
    this.#policy = options.policy;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get evictions(): number {
    return this.#evictions;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Whether an entry of this size may be added. */
  admits(bytes: number): boolean {
    return bytes <= this.maxEntryBytes;
  }

  /** Adds or replaces an entry. Returns it with those that had to leave; the caller deletes their bytes. */
  add(facts: EntryFacts): { entry: Entry; evicted: readonly Entry[] } {
    assert(this.admits(facts.bytes), "an entry is checked before it is added");
    const previous = this.#entries.get(facts.key);
    const entry = new Entry(facts);
    if (previous !== undefined) {
      entry.hits += previous.hits;
      this.remove(previous);
    }
    const evicted = this.#makeRoom(entry.bytes);
    this.#entries.set(entry.key, entry);
    this.#bytes += entry.bytes;
    this.#policy.added(entry);
    return { entry, evicted };
  }

  /** Counts a hit; false where the entry has left meanwhile. */
  used(entry: Entry, nowMs: number): boolean {
    if (this.#entries.get(entry.key) !== entry) return false;
    entry.hits += 1;
    entry.lastUsedMs = nowMs;
    this.#policy.used(entry);
    return true;
  }

  /** Takes an entry out; false where it was already gone or replaced. */
  remove(entry: Entry): boolean {
    if (this.#entries.get(entry.key) !== entry) return false;
    this.#policy.removed(entry);
    this.#forget(entry);
    return true;
  }

  #makeRoom(bytes: number): readonly Entry[] {
    const evicted: Entry[] = [];
    while (this.#bytes + bytes > this.capacityBytes || this.#entries.size >= this.#maxEntries) {
      const victim = this.#policy.evict();
      assert(victim !== undefined, "a full index has a victim");
      this.#forget(victim);
      this.#evictions += 1;
      evicted.push(victim);
    }
    return evicted;
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#bytes -= entry.bytes;
  }
}
