// What was evicted lately, and whether somebody wants it back: the signs of a cache that is too small.
import { GhostList } from "../policy/ghost-list.ts";
import { keyHash } from "../policy/key-hash.ts";
import type { Entry } from "./entry.ts";

const MAX_RECENT = 4096;
/** At most about 50 MiB. */
const MAX_GHOSTS = 1 << 20;

export interface Eviction {
  /** From its last use to its eviction; from its store where it was never served. */
  ageMs: number;
  hits: number;
  bytes: number;
  tenant: string;
}

export class Evictions {
  /** The last MAX_RECENT, as a ring. */
  readonly #recent: Eviction[] = [];
  /** As many bytes of evicted entries as the cache holds: what one of twice the size would still have. */
  readonly #ghosts: GhostList;
  #count = 0;
  #ghostHits = 0;

  constructor(capacityBytes: number) {
    this.#ghosts = new GhostList({ maxBytes: capacityBytes, maxKeys: MAX_GHOSTS });
  }

  resize(capacityBytes: number): void {
    this.#ghosts.resize(capacityBytes);
  }

  get count(): number {
    return this.#count;
  }

  get ghostHits(): number {
    return this.#ghostHits;
  }

  /** Oldest first, at most 4096. */
  recent(): readonly Eviction[] {
    const next = this.#count % MAX_RECENT;
    return [...this.#recent.slice(next), ...this.#recent.slice(0, next)];
  }

  note({ key, lastUsedMs, hits, bytes, tenant }: Entry, nowMs: number): void {
    this.#recent[this.#count % MAX_RECENT] = { ageMs: Math.max(0, nowMs - lastUsedMs), hits, bytes, tenant };
    this.#count += 1;
    this.#ghosts.add(keyHash(key), bytes);
  }

  /** It is stored again. */
  forget(key: string): void {
    this.#ghosts.take(keyHash(key));
  }

  /** Somebody asked for what is not stored; true where it was evicted not long ago. */
  noteMiss(key: string): boolean {
    const isGhost = this.#ghosts.has(keyHash(key));
    if (isGhost) this.#ghostHits += 1;
    return isGhost;
  }
}
