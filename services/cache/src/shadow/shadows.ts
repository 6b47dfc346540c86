// What other policies, and the same policy with more or less room, would have hit: simulated on a sample of the keys, with capacity
// to scale (SHARDS, Waldspurger and others 2015). All see the same lookups, so their differences are those of the policies.
import { assert, type Random } from "@chimera/kernel";
import type { Entry, PolicyNode } from "../index/entry.ts";
import { type IndexObserver, MAX_ENTRY_SHARE } from "../index/entry-index.ts";
import { keyHash } from "../policy/key-hash.ts";
import { createPolicy, type PolicyName } from "../policy/policies.ts";
import { SimulatedCache } from "../policy/simulated-cache.ts";

/** Entries that the sampled cache is to hold; fewer say too little, more cost too much. */
const ENTRIES = { least: 200, aim: 2000, most: 8000 };
/** How large an answer is, until some were seen. */
const FIRST_GUESS_BYTES = 4096;
/** The sample is looked over each time so many answers were stored. */
const STORES_PER_REVIEW = 1024;
/** Capacities that are tried, in parts of the one in use. */
const SIZES = [0.5, 1, 2, 4] as const;

export interface ShadowFigures {
  policy: PolicyName;
  lookups: number;
  hits: number;
  /** Lookups that hit here and missed with the policy in use, and the other way round. */
  gained: number;
  lost: number;
  /** Of all keys. */
  sampleShare: number;
}

export interface SizeFigures {
  capacityBytes: number;
  hitRatio: number;
  /** Lookups in the sample. */
  n: number;
}

export interface ShadowsOptions {
  capacityBytes: number;
  maxEntries: number;
  /** The one in use. */
  policy: PolicyName;
  rivals: readonly PolicyName[];
  random: Random;
}

interface Shadow {
  policy: PolicyName;
  /** Of the capacity in use. */
  size: number;
  cache: SimulatedCache;
  hits: number;
  gained: number;
  lost: number;
}

export class Shadows implements IndexObserver {
  #options: ShadowsOptions;
  #share: number;
  /** The policy in use comes first. Each holds at most `ENTRIES.most` entries times its size. */
  #shadows: readonly Shadow[];
  #lookups = 0;
  /** Of all keys, since the sample was last drawn. */
  #allLookups = 0;
  #stores = 0;
  #storedBytes = 0;

  constructor(options: ShadowsOptions) {
    assert(options.capacityBytes > 0 && options.maxEntries > 0, "a cache holds something");
    this.#options = options;
    this.#share = this.#shareFor(FIRST_GUESS_BYTES);
    this.#shadows = this.#create();
  }

  /** Another policy or capacity is in use: the figures begin anew. */
  reset(inUse: Pick<ShadowsOptions, "policy" | "capacityBytes">): void {
    this.#options = { ...this.#options, ...inUse };
    this.#drawAnew(this.#stores === 0 ? FIRST_GUESS_BYTES : this.#storedBytes / this.#stores);
  }

  hit(entry: Entry): void {
    this.#lookup(entry.key, entry.bytes);
  }

  missed(key: string): void {
    this.#lookup(key);
  }

  /** A miss comes with no size; it counts as kept from here on, where its answer was made and stored. */
  added({ key, bytes }: Entry): void {
    this.#stores += 1;
    this.#storedBytes += bytes;
    if (this.#stores % STORES_PER_REVIEW === 0) this.#reviewSample();
    if (!this.#isSampled(key)) return;
    for (const { cache } of this.#shadows) cache.store(key, bytes);
  }

  removed({ key }: Entry): void {
    if (!this.#isSampled(key)) return;
    for (const { cache } of this.#shadows) cache.remove(key);
  }

  /** The policy in use, then its rivals. */
  policies(): ShadowFigures[] {
    const lookups = this.#lookups;
    return this.#shadows
      .filter(({ size }) => size === 1)
      .map(({ policy, hits, gained, lost }) => ({ policy, lookups, hits, gained, lost, sampleShare: this.#share }));
  }

  /** Expected hit ratios of the policy in use at half, the same, twice and four times the capacity. */
  sizes(): SizeFigures[] {
    const { policy, capacityBytes } = this.#options;
    return this.#shadows
      .filter((shadow) => shadow.policy === policy)
      .map(({ size, hits }) => ({
        capacityBytes: size * capacityBytes,
        hitRatio: this.#hitRatio(hits),
        n: this.#lookups,
      }))
      .sort((a, b) => a.capacityBytes - b.capacityBytes);
  }

  /**
   * Lookups that a fair sample would have had and this one has not are for keys so popular that they are hits at every size, and
   * the other way round (SHARDS-adj).
   */
  #hitRatio(hits: number): number {
    const expected = this.#share * this.#allLookups;
    if (expected === 0) return 0;
    return Math.min(1, Math.max(0, (hits + expected - this.#lookups) / expected));
  }

  /** `bytes` are known on a hit of the real cache: what a shadow misses then, nobody will store again. */
  #lookup(key: string, bytes?: number): void {
    this.#allLookups += 1;
    if (!this.#isSampled(key)) return;
    this.#lookups += 1;
    let isHitInUse: boolean | undefined;
    for (const shadow of this.#shadows) {
      const isHit = shadow.cache.lookup(key);
      isHitInUse ??= isHit;
      if (isHit) shadow.hits += 1;
      if (isHit && !isHitInUse) shadow.gained += 1;
      if (!isHit && isHitInUse) shadow.lost += 1;
      if (!isHit && bytes !== undefined) shadow.cache.store(key, bytes);
    }
  }

  #isSampled(key: string): boolean {
    return keyHash(key) >>> 0 < this.#share * 2 ** 32;
  }

  /** A sample that has become too small or too large is drawn anew, and its figures begin anew. */
  #reviewSample(): void {
    const meanBytes = this.#storedBytes / this.#stores;
    const entries = this.#share * this.#entriesOf(meanBytes);
    const isTooSmall = entries < ENTRIES.least && this.#share < 1;
    if (!isTooSmall && entries <= ENTRIES.most) return;
    this.#drawAnew(meanBytes);
  }

  #drawAnew(meanBytes: number): void {
    this.#share = this.#shareFor(meanBytes);
    this.#shadows = this.#create();
    this.#lookups = 0;
    this.#allLookups = 0;
  }

  #shareFor(meanBytes: number): number {
    return Math.min(1, ENTRIES.aim / this.#entriesOf(meanBytes));
  }

  /** Entries in a full cache. */
  #entriesOf(meanBytes: number): number {
    const { capacityBytes, maxEntries } = this.#options;
    return Math.max(1, Math.min(maxEntries, capacityBytes / meanBytes));
  }

  #create(): Shadow[] {
    const { policy, rivals } = this.#options;
    const others = SIZES.filter((size) => size !== 1);
    return [
      this.#createOne(policy, 1),
      ...[...new Set(rivals)].filter((rival) => rival !== policy).map((rival) => this.#createOne(rival, 1)),
      ...others.map((size) => this.#createOne(policy, size)),
    ];
  }

  #createOne(policy: PolicyName, size: number): Shadow {
    const { capacityBytes, maxEntries, random } = this.#options;
    const scale = size * this.#share;
    const scaledBytes = scale * capacityBytes;
    const cache = new SimulatedCache({
      capacityBytes: scaledBytes,
      maxEntries: Math.max(1, Math.round(scale * maxEntries)),
      maxEntryBytes: size * capacityBytes * MAX_ENTRY_SHARE,
      policy: createPolicy<PolicyNode>(policy, { capacityBytes: scaledBytes, random }),
    });
    return { policy, size, cache, hits: 0, gained: 0, lost: 0 };
  }
}
