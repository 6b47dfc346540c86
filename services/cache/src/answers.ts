// What this service is for: the stored answer of a request, or one sentence why there is none. Index and byte store meet
// only here. A byte store that fails costs a miss, never a request.
import { crc32 } from "node:zlib";
import type { CacheKeyInput, StoredAnswer } from "@chimera/contracts/cache";
import type { Clock } from "@chimera/kernel";
import { agoText } from "./ago-text.ts";
import { missingPart } from "./completeness.ts";
import { type Entry, type EntryFacts, entryBytes, type Origin } from "./index/entry.ts";
import { type EntryIndex, MAX_ENTRY_SHARE } from "./index/entry-index.ts";
import { cacheKey } from "./key.ts";
import type { ByteStore } from "./store/store.ts";

export interface AnswersOptions {
  index: EntryIndex;
  store: ByteStore;
  clock: Clock;
  /** Age at which an answer is no longer fresh, unless its request set a lower one. */
  ttlMs: number;
  /** How long after that it is still served while a new one is made, unless its request said otherwise. */
  staleMs: number;
  /** Called after everything that changes the statistics. */
  onChange(): void;
}

/** An answer and its serialized form; the second is what is kept and served. */
export interface EncodedAnswer {
  answer: StoredAnswer;
  body: Uint8Array;
}

/** How an answer is to be kept: checked, see check-input.ts. */
export interface StoreTerms {
  /** Undefined is the cache's own; more than that is cut to it. */
  ttlMs?: number | undefined;
  staleMs?: number | undefined;
  tags?: readonly string[];
  origin?: Origin;
}

/** While somebody makes an answer anew, others get the old one without being told to make it as well. */
const REFRESH_MS = 30_000;

export interface LookupResult {
  /** The answer as it was stored; undefined on a miss. Not to be changed: the store may hold the same bytes. */
  body: Uint8Array | undefined;
  /** One sentence for people: "stored 12 s ago", "not stored", "expired", "store failed". */
  reason: string;
  keyPrefix: string;
  /** Past its time: whoever gets this is to make a new one. */
  isStale: boolean;
}

export interface StoreResult {
  stored: boolean;
  /** Why not, or empty. */
  reason: string;
  keyPrefix: string;
}

export interface CacheStatistics {
  entries: number;
  bytes: number;
  capacityBytes: number;
  hits: number;
  /** Of the hits: past their time, and made by a warm-up. */
  staleHits: number;
  warmHits: number;
  misses: number;
  stores: number;
  evictions: number;
  /** Answers that were too large or incomplete. */
  refusals: number;
  /** Calls of the byte store that failed. */
  storeErrors: number;
}

export class Answers {
  readonly #options: AnswersOptions;
  /** Entries with hits that the byte store has not been told of; all of them are in the index. */
  readonly #used = new Set<Entry>();
  #hits = 0;
  #staleHits = 0;
  #warmHits = 0;
  #misses = 0;
  #stores = 0;
  #refusals = 0;
  #storeErrors = 0;

  constructor(options: AnswersOptions) {
    this.#options = options;
    options.store.onLost((keys) => this.#lost(keys));
  }

  /** Expects a checked input. Never throws because of the byte store. */
  async lookup(input: CacheKeyInput): Promise<LookupResult> {
    const { index, clock } = this.#options;
    const key = cacheKey(input);
    const entry = index.get(key.storeKey);
    if (entry === undefined) return this.#miss("not stored", key.prefix);
    const nowMs = Math.floor(clock.nowMs());
    if (nowMs >= entry.staleUntilMs) {
      this.#drop(entry);
      return this.#miss("expired", key.prefix);
    }
    const body = await this.#read(entry);
    if (body === undefined) return this.#miss("store failed", key.prefix);
    if (index.used(entry, nowMs)) this.#used.add(entry);
    this.#hits += 1;
    if (entry.origin === "warm-up") this.#warmHits += 1;
    this.#options.onChange();
    const age = `stored ${agoText(nowMs - entry.storedAtMs)} ago`;
    if (nowMs < entry.freshUntilMs) return { body, reason: age, keyPrefix: key.prefix, isStale: false };
    this.#staleHits += 1;
    const isStale = nowMs >= entry.refreshingUntilMs;
    if (isStale) entry.refreshingUntilMs = nowMs + REFRESH_MS;
    const late = `${agoText(nowMs - entry.freshUntilMs)} past its time`;
    return { body, reason: `${age}, ${late}, a new one is being made`, keyPrefix: key.prefix, isStale };
  }

  /** Expects a checked input. Keeps a complete answer in place of an older one; its body belongs to the cache from here on. */
  async store(input: CacheKeyInput, { answer, body }: EncodedAnswer, terms: StoreTerms = {}): Promise<StoreResult> {
    const key = cacheKey(input);
    const missing = missingPart(answer);
    if (missing !== undefined) return this.#refuse(`incomplete: ${missing}`, key.prefix);
    const bytes = entryBytes(key.storeKey, body);
    if (!this.#options.index.admits(bytes)) {
      return this.#refuse(`larger than ${MAX_ENTRY_SHARE * 100} % of the cache`, key.prefix);
    }
    const { ttlMs, staleMs, clock } = this.#options;
    const nowMs = Math.floor(clock.nowMs());
    const freshUntilMs = nowMs + Math.min(ttlMs, terms.ttlMs ?? ttlMs);
    const facts: EntryFacts = {
      key: key.storeKey,
      tenant: key.tenant,
      model: input.model,
      bytes,
      ttftMs: answer.ttftMs,
      promptTokens: answer.complete?.usage?.promptTokens ?? 0,
      tokens: answer.complete?.usage?.completionTokens ?? 0,
      tags: terms.tags ?? [],
      origin: terms.origin ?? "request",
      storedAtMs: nowMs,
      freshUntilMs,
      staleUntilMs: freshUntilMs + (terms.staleMs ?? staleMs),
      lastUsedMs: nowMs,
      hits: 0,
    };
    const stored = await this.#write(facts, body);
    return { stored, reason: stored ? "" : "store failed", keyPrefix: key.prefix };
  }

  /** Puts the entries of an earlier process back, oldest use first, and removes what is expired or has no room any more. */
  async restore(): Promise<{ restored: number; removed: number }> {
    const { index, store, clock } = this.#options;
    const nowMs = Math.floor(clock.nowMs());
    let found = 0;
    for await (const facts of store.keys()) {
      found += 1;
      const isWrong = !facts.key.startsWith(`${facts.tenant}:`);
      if (isWrong || nowMs >= facts.staleUntilMs || !index.admits(facts.bytes)) this.#delete(facts.key);
      else this.#leave(index.add(facts).evicted);
    }
    return { restored: index.size, removed: found - index.size };
  }

  /** Tells the byte store which entries were served since the last call. A process that is killed loses only these counts. */
  async saveUses(): Promise<void> {
    const used = [...this.#used].map((entry) => entry.facts());
    this.#used.clear();
    if (used.length > 0) await this.#options.store.noteUses(used).catch(() => this.#failed());
  }

  statistics(): CacheStatistics {
    const { index } = this.#options;
    return {
      entries: index.size,
      bytes: index.bytes,
      capacityBytes: index.capacityBytes,
      hits: this.#hits,
      staleHits: this.#staleHits,
      warmHits: this.#warmHits,
      misses: this.#misses,
      stores: this.#stores,
      evictions: index.evictions,
      refusals: this.#refusals,
      storeErrors: this.#storeErrors,
    };
  }

  /** The entry is in the index before its bytes are in the store, so that its delete can only come after its write. */
  async #write(facts: EntryFacts, body: Uint8Array): Promise<boolean> {
    const previous = this.#options.index.get(facts.key);
    if (previous !== undefined) this.#used.delete(previous);
    const { entry, evicted } = this.#options.index.add(facts);
    entry.bodyCrc32 = crc32(body);
    this.#leave(evicted);
    try {
      await this.#options.store.set({ ...entry.facts(), body });
    } catch {
      this.#failed();
      this.#drop(entry);
      return false;
    }
    this.#stores += 1;
    this.#options.onChange();
    return true;
  }

  /** Undefined, and counted, where the bytes are gone, unreadable or others. A store that only failed once keeps the entry. */
  async #read(entry: Entry): Promise<Uint8Array | undefined> {
    try {
      const body = await this.#options.store.get(entry.key);
      if (body !== undefined && isBodyOf(entry, body)) return body;
      this.#drop(entry);
    } catch {
      // Served as a miss; the answer that the miss leads to is stored over this one.
    }
    this.#failed();
    return undefined;
  }

  #drop(entry: Entry): void {
    if (this.#options.index.remove(entry)) this.#leave([entry]);
  }

  /** The index has let go of these; so does everything else. */
  #leave(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#used.delete(entry);
      this.#delete(entry.key);
    }
  }

  #delete(key: string): void {
    this.#options.store.delete(key).catch(() => this.#failed());
  }

  /** Writes that were taken and failed later: their entries must not promise bytes that are not there. */
  #lost(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#options.index.get(key);
      if (entry !== undefined) this.#drop(entry);
      this.#failed();
    }
  }

  #failed(): void {
    this.#storeErrors += 1;
    this.#options.onChange();
  }

  #miss(reason: string, keyPrefix: string): LookupResult {
    this.#misses += 1;
    this.#options.onChange();
    return { body: undefined, reason, keyPrefix, isStale: false };
  }

  #refuse(reason: string, keyPrefix: string): StoreResult {
    this.#refusals += 1;
    this.#options.onChange();
    return { stored: false, reason, keyPrefix };
  }
}

/**
 * Nothing decodes a body on its way out, so a cut, changed or foreign one must show here. An entry of an earlier process has no
 * checksum until its first read: there the store itself vouches for what it gives (see ByteStore.keys).
 */
function isBodyOf(entry: Entry, body: Uint8Array): boolean {
  const found = crc32(body);
  entry.bodyCrc32 ??= found;
  return entry.bodyCrc32 === found;
}
