// Least recently used: the entry that was not served for the longest time leaves first. Every operation is O(1), by a list
// whose links live in the entries; a Map used as a queue gets slower with its size (its deleted slots are walked over).
import { assert } from "@chimera/kernel";
import type { PolicyNode } from "../index/entry.ts";
import type { Policy } from "./policy.ts";

export class LruPolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "lru";
  #oldest: PolicyNode | undefined;
  #newest: PolicyNode | undefined;

  added(entry: N): void {
    assert(entry.older === undefined && entry.newer === undefined, "an entry is added once");
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  used(entry: N): void {
    if (entry === this.#newest) return;
    this.removed(entry);
    this.added(entry);
  }

  removed(entry: N): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
  }

  evict(): N | undefined {
    // Only what was added is in the list.
    const victim = this.#oldest as N | undefined;
    if (victim !== undefined) this.removed(victim);
    return victim;
  }
}
