// Answers in a store that other caches write to as well. The store knows better than the index, which only follows: what another
// cache stored is adopted, and what it deleted or replaced is no failure.
import type { DepartureReason } from "./departures.ts";
import type { Entry } from "./index/entry.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import type { Invalidations } from "./invalidations.ts";
import type { CacheKey } from "./key.ts";
import type { ByteStore, KeptFacts, KeptRow } from "./store/store.ts";

export interface FoundAnswer {
  entry: Entry;
  body: Uint8Array;
}

/** "store failed" is for whoever asks the store. */
export type WhyNone = "not stored" | "expired" | "invalidated";

export interface SharedAnswersOptions {
  index: EntryIndex;
  store: ByteStore;
  invalidations: Invalidations;
  /** Deletes the bytes under a key. */
  delete(key: string): void;
  /** The index has let go of an entry whose bytes are others' business, or gone. */
  onLeft(entry: Entry, reason: DepartureReason): void;
  /** The index had to let go of it, and its bytes must go too. */
  onEvicted(entries: readonly Entry[]): void;
  /** Another cache's answer is an entry of this index now. */
  onAdopted(key: string): void;
}

export class SharedAnswers {
  readonly #options: SharedAnswersOptions;

  constructor(options: SharedAnswersOptions) {
    this.#options = options;
  }

  /** Throws where the store does. */
  async find({ storeKey, tenant }: CacheKey, nowMs: number): Promise<FoundAnswer | WhyNone> {
    const { index, store, invalidations } = this.#options;
    const before = index.get(storeKey);
    const row = await store.find(storeKey);
    if (row !== undefined && invalidations.covers(row, row.storedAtMs)) {
      if (before !== undefined) this.#letGo(before, "invalidated");
      this.#options.delete(storeKey);
      return "invalidated";
    }
    if (nowMs >= ((row ?? before)?.staleUntilMs ?? Number.POSITIVE_INFINITY)) {
      // The store forgets it by itself; a delete might meet what another cache stores at this moment.
      if (before !== undefined) this.#letGo(before, "expired");
      return "expired";
    }
    const isPruned = row?.prunedAtMs !== undefined;
    if (row === undefined || isPruned || row.tenant !== tenant || !index.admits(row.bytes)) {
      if (before !== undefined) this.#letGo(before, isPruned ? "pruned" : "evicted");
      return "not stored";
    }
    return { entry: this.#adopted(row, before), body: row.body };
  }

  /**
   * Adds what is there and not in the index yet. Returns by how much that grew. Nothing is deleted: what has no room, or does not
   * fit, is another cache's. Throws where the store does.
   */
  async restore(nowMs: number): Promise<number> {
    const { index, store } = this.#options;
    const before = index.size;
    for await (const facts of store.keys()) {
      if (!this.#isRestored(facts, nowMs)) continue;
      for (const entry of index.add(facts).evicted) this.#options.onLeft(entry, "evicted");
    }
    return index.size - before;
  }

  #isRestored(facts: KeptFacts, nowMs: number): boolean {
    const { index, invalidations } = this.#options;
    const isWrong = !facts.key.startsWith(`${facts.tenant}:`) || facts.prunedAtMs !== undefined;
    const isOver = nowMs >= facts.staleUntilMs || invalidations.covers(facts, facts.storedAtMs);
    return !isWrong && !isOver && index.admits(facts.bytes) && index.get(facts.key) === undefined;
  }

  /** The entry of a row that another cache may have written; `before` is what the index had when the read began. */
  #adopted({ body: _, prunedAtMs: __, ...facts }: KeptRow, before: Entry | undefined): Entry {
    const { index } = this.#options;
    const resident = index.get(facts.key);
    if (resident !== undefined && (resident !== before || resident.storedAtMs === facts.storedAtMs)) return resident;
    if (resident !== undefined) this.#options.onLeft(resident, "evicted");
    const { entry, evicted } = index.add(facts);
    this.#options.onAdopted(facts.key);
    this.#options.onEvicted(evicted);
    return entry;
  }

  #letGo(entry: Entry, reason: DepartureReason): void {
    if (this.#options.index.remove(entry)) this.#options.onLeft(entry, reason);
  }
}
