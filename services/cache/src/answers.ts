// What this service is for: the stored answer of a request, or one sentence why there is none. Index and byte store meet
// only here. A byte store that fails costs a miss, never a request.
import { crc32 } from "node:zlib";
import type { CacheKeyInput, StoredAnswer } from "@chimera/contracts/cache";
import type { Clock } from "@chimera/kernel";
import { agoText } from "./ago-text.ts";
import { estimatedAgeMs, isBodyOf } from "./answer-body.ts";
import { missingPart } from "./completeness.ts";
import { type DepartureReason, Departures } from "./departures.ts";
import { Entry, type EntryFacts, entryBytes, type Origin } from "./index/entry.ts";
import { type EntryIndex, MAX_ENTRY_SHARE } from "./index/entry-index.ts";
import { Invalidations } from "./invalidations.ts";
import { type CacheKey, cacheKey } from "./key.ts";
import { UndoArea } from "./pruning/undo-area.ts";
import { TrafficWindow } from "./saturation/traffic-window.ts";
import type { SemanticMatch } from "./semantic/semantic-match.ts";
import { type FoundAnswer, SharedAnswers } from "./shared-answers.ts";
import { inSlices } from "./slices.ts";
import type { CacheStatistics } from "./statistics.ts";
import type { ByteStore } from "./store/store.ts";

export interface AnswersOptions {
  index: EntryIndex;
  store: ByteStore;
  clock: Clock;
  /** Age at which an answer is no longer fresh, unless its request set a lower one. */
  ttlMs: number;
  /** How long after that it is still served while a new one is made, unless its request said otherwise. */
  staleMs: number;
  /** Set where a tenant takes answers of similar questions. */
  semantic?: SemanticMatch | undefined;
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
  /** Since the request came in that the answer was made for; estimated where undefined. */
  ageMs?: number | undefined;
}

/** Deleted entries after which the byte store is waited for. */
export const MAX_UNWRITTEN = 8192;

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

export class Answers {
  readonly #options: AnswersOptions;
  readonly departures = new Departures();
  readonly invalidations = new Invalidations();
  readonly traffic: TrafficWindow;
  readonly undo: UndoArea;
  /** Set where other caches use the same store. */
  readonly #shared: SharedAnswers | undefined;
  /** Entries with hits that the byte store has not been told of; all of them are in the index. */
  readonly #used = new Set<Entry>();
  #terms: { ttlMs: number; staleMs: number };
  #hits = 0;
  #staleHits = 0;
  #warmHits = 0;
  #misses = 0;
  #stores = 0;
  #refusals = 0;
  #storeErrors = 0;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#terms = { ttlMs: options.ttlMs, staleMs: options.staleMs };
    this.traffic = new TrafficWindow(options.clock);
    this.undo = new UndoArea(options.index.capacityBytes);
    this.#shared = options.store.isShared ? this.#follower() : undefined;
    options.store.onLost((keys) => this.#lost(keys));
  }

  /** Expects a checked input. Never throws because of the byte store. */
  async lookup(input: CacheKeyInput): Promise<LookupResult> {
    const key = cacheKey(input);
    const nowMs = this.#nowMs();
    const shared = this.#shared;
    const found = shared ? await this.#findShared(shared, key) : await this.#findOwn(key.storeKey, nowMs);
    if (typeof found === "string") {
      const similar = await this.#findSimilar(input, key);
      if (similar !== undefined) return similar;
      if (this.#options.index.noteMiss(key.storeKey)) this.traffic.count("ghostHits");
      return this.#miss(found, key.prefix);
    }
    const { entry, body } = found;
    this.#countHit(entry, nowMs);
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
    const { ttlMs, staleMs } = this.#terms;
    const nowMs = this.#nowMs();
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
    if (this.invalidations.covers(facts, nowMs - (terms.ageMs ?? estimatedAgeMs(answer)))) {
      return { stored: false, reason: "invalidated while it was made", keyPrefix: key.prefix };
    }
    const stored = await this.#write(facts, body);
    if (stored) this.#options.semantic?.stored(key, answer);
    return { stored, reason: stored ? "" : "store failed", keyPrefix: key.prefix };
  }

  /**
   * Puts the entries of an earlier process back, oldest use first, and removes what is expired or has no room any more. What it had
   * pruned can still be undone.
   */
  async restore(): Promise<{ restored: number; removed: number }> {
    const { index, store, clock } = this.#options;
    const nowMs = Math.floor(clock.nowMs());
    if (this.#shared !== undefined) return { restored: await this.#restoreShared(this.#shared), removed: 0 };
    let found = 0;
    for await (const facts of store.keys()) {
      found += 1;
      const isWrong = !facts.key.startsWith(`${facts.tenant}:`);
      const isOver = nowMs >= facts.staleUntilMs || this.invalidations.covers(facts, facts.storedAtMs);
      if (isWrong || isOver || !index.admits(facts.bytes)) this.#delete(facts.key);
      else if (facts.prunedAtMs !== undefined) this.#restoreParked(facts, facts.prunedAtMs);
      else this.#leave(index.add(facts).evicted, "evicted");
    }
    return { restored: index.size, removed: found - index.size - this.undo.size };
  }

  /** Of the last prune only. */
  #restoreParked(facts: EntryFacts, prunedAtMs: number): void {
    if (prunedAtMs > this.undo.prunedAtMs) {
      for (const { key } of this.undo.begin(prunedAtMs)) this.#delete(key);
    }
    if (prunedAtMs < this.undo.prunedAtMs || !this.undo.add(new Entry(facts))) this.#delete(facts.key);
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
      undoBytes: this.undo.bytes,
    };
  }

  get ttlMs(): number {
    return this.#terms.ttlMs;
  }

  /** Of what is stored from now on. */
  setTerms(terms: { ttlMs: number; staleMs: number }): void {
    this.#terms = terms;
  }

  /** Those that have no room any more leave, in slices. */
  async resize(capacityBytes: number): Promise<void> {
    const { index, clock, onChange } = this.#options;
    let unwritten = 0;
    const afterSlice = async () => {
      if (unwritten < MAX_UNWRITTEN) return;
      unwritten = 0;
      await this.written();
    };
    const leave = (entry: Entry) => {
      unwritten += 1;
      this.#leave([entry], "evicted");
    };
    const deleteParked = (entry: Entry) => {
      unwritten += 1;
      this.deleteParked(entry);
    };
    await inSlices(index.resize(capacityBytes, this.#nowMs()), leave, { clock, afterSlice });
    await inSlices(this.undo.resize(capacityBytes), deleteParked, { clock, afterSlice });
    onChange();
  }

  /** Takes an entry out, with its bytes; false where it was already gone or replaced. */
  drop(entry: Entry, reason: DepartureReason): boolean {
    if (!this.#options.index.remove(entry)) return false;
    this.#leave([entry], reason);
    this.#options.onChange();
    return true;
  }

  /**
   * Takes an entry out and leaves its bytes where they are, to be put back while the undo area keeps it. False where it was already
   * gone or replaced, or there is no room for it.
   */
  park(entry: Entry): boolean {
    const { index } = this.#options;
    if (index.get(entry.key) !== entry || !this.undo.add(entry)) return false;
    index.remove(entry);
    this.#used.delete(entry);
    this.#options.semantic?.forget(entry.key);
    this.departures.note({ key: entry.key, reason: "pruned", atMs: this.#nowMs() });
    this.#options.onChange();
    return true;
  }

  /** Puts a parked entry back. False where another answer took its place, it is past its time, or only evicting would make room. */
  unpark(parked: Entry): boolean {
    const { index } = this.#options;
    const isOver = this.#nowMs() >= parked.staleUntilMs || this.invalidations.covers(parked, parked.storedAtMs);
    const hasRoom = index.bytes + parked.bytes <= index.capacityBytes && index.size < index.maxEntries;
    if (isOver || !hasRoom || index.get(parked.key) !== undefined) return false;
    const { entry, evicted } = index.add(parked.facts());
    entry.bodyCrc32 = parked.bodyCrc32;
    this.departures.forget(entry.key);
    this.#leave(evicted, "evicted");
    this.#options.onChange();
    return true;
  }

  /** Deletes the bytes of what was parked, unless they are another answer's by now. */
  deleteParked({ key }: Entry): void {
    if (this.#options.index.get(key) === undefined) this.#delete(key);
  }

  /** Resolves when the byte store has taken every write so far: what deletes much waits here, or the store's queue would overflow. */
  async written(): Promise<void> {
    await this.#options.store.noteUses([]).catch(() => this.#failed());
  }

  /** The entry is in the index before its bytes are in the store, so that its delete can only come after its write. */
  async #write(facts: EntryFacts, body: Uint8Array): Promise<boolean> {
    const previous = this.#options.index.get(facts.key);
    if (previous !== undefined) this.#used.delete(previous);
    const { entry, evicted } = this.#options.index.add(facts);
    entry.bodyCrc32 = crc32(body);
    this.undo.take(facts.key);
    this.departures.forget(facts.key);
    this.#leave(evicted, "evicted");
    try {
      await this.#options.store.set({ ...entry.facts(), body });
    } catch {
      this.#failed();
      this.drop(entry, "lost");
      return false;
    }
    this.#stores += 1;
    this.traffic.count("stores");
    this.#options.onChange();
    return true;
  }

  /** The answer, or why there is none. What is not in the index is not stored. */
  async #findOwn(storeKey: string, nowMs: number): Promise<FoundAnswer | string> {
    const entry = this.#options.index.get(storeKey);
    if (entry === undefined) return "not stored";
    if (nowMs >= entry.staleUntilMs) {
      this.drop(entry, "expired");
      this.traffic.count("expiredMisses");
      return "expired";
    }
    if (this.invalidations.coversResident(entry, entry.storedAtMs)) {
      this.drop(entry, "invalidated");
      return "invalidated";
    }
    const body = await this.#read(entry);
    return body === undefined ? "store failed" : { entry, body };
  }

  /** The answer of a question that is worded differently; none that is past its time. */
  async #findSimilar(input: CacheKeyInput, key: CacheKey): Promise<LookupResult | undefined> {
    const similar = await this.#options.semantic?.find(input, key);
    if (similar === undefined) return undefined;
    const nowMs = this.#nowMs();
    const found = await this.#findOwn(similar.storeKey, nowMs);
    if (typeof found === "string" || nowMs >= found.entry.freshUntilMs) return undefined;
    this.#countHit(found.entry, nowMs);
    const age = `stored ${agoText(nowMs - found.entry.storedAtMs)} ago`;
    const reason = `${age} for a similar question, similarity ${similar.similarity.toFixed(3)}`;
    return { body: found.body, reason, keyPrefix: key.prefix, isStale: false };
  }

  /** The same in a store that other caches write to. */
  async #findShared(shared: SharedAnswers, key: CacheKey): Promise<FoundAnswer | string> {
    try {
      const found = await shared.find(key, this.#nowMs());
      if (found === "expired") this.traffic.count("expiredMisses");
      return found;
    } catch {
      this.#failed();
      return "store failed";
    }
  }

  /** A store that is away is restored from when it is back. */
  async #restoreShared(shared: SharedAnswers): Promise<number> {
    try {
      return await shared.restore(this.#nowMs());
    } catch {
      this.#failed();
      return 0;
    }
  }

  #follower(): SharedAnswers {
    const { index, store } = this.#options;
    return new SharedAnswers({
      index,
      store,
      invalidations: this.invalidations,
      delete: (key) => this.#delete(key),
      onEvicted: (entries) => this.#leave(entries, "evicted"),
      onLeft: (entry, reason) => {
        this.#used.delete(entry);
        this.#options.semantic?.forget(entry.key);
        this.departures.note({ key: entry.key, reason, atMs: this.#nowMs() });
      },
      onAdopted: (key) => {
        this.undo.take(key);
        this.departures.forget(key);
      },
    });
  }

  /** Undefined, and counted, where the bytes are gone, unreadable or others. A store that only failed once keeps the entry. */
  async #read(entry: Entry): Promise<Uint8Array | undefined> {
    try {
      const body = await this.#options.store.get(entry.key);
      if (body !== undefined && isBodyOf(entry, body)) return body;
      this.drop(entry, "lost");
    } catch {
      // Served as a miss; the answer that the miss leads to is stored over this one.
    }
    this.#failed();
    return undefined;
  }

  #countHit(entry: Entry, nowMs: number): void {
    if (this.#options.index.used(entry, nowMs)) this.#used.add(entry);
    this.#hits += 1;
    this.traffic.count("lookups");
    this.traffic.count("hits");
    if (entry.origin === "warm-up") this.#warmHits += 1;
    this.#options.onChange();
  }

  #nowMs(): number {
    return Math.floor(this.#options.clock.nowMs());
  }

  /** The index has let go of these; so does everything else. */
  #leave(entries: readonly Entry[], reason: DepartureReason): void {
    for (const entry of entries) {
      this.#used.delete(entry);
      this.#options.semantic?.forget(entry.key);
      this.departures.note({ key: entry.key, reason, atMs: this.#nowMs() });
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
      if (entry !== undefined) this.drop(entry, "lost");
      this.undo.take(key);
      this.#failed();
    }
  }

  #failed(): void {
    this.#storeErrors += 1;
    this.#options.onChange();
  }

  #miss(reason: string, keyPrefix: string): LookupResult {
    this.#misses += 1;
    this.traffic.count("lookups");
    this.#options.onChange();
    return { body: undefined, reason, keyPrefix, isStale: false };
  }

  #refuse(reason: string, keyPrefix: string): StoreResult {
    this.#refusals += 1;
    this.#options.onChange();
    return { stored: false, reason, keyPrefix };
  }
}
