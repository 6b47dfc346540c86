// A cache without answers: which of them a policy would keep within a bound. Simulations and shadows run on it with the policies that
// the real cache runs on.
import { assert } from "@chimera/kernel";
import type { PolicyNode } from "../index/entry.ts";
import type { Policy } from "./policy.ts";

class Node implements PolicyNode {
  readonly key: string;
  readonly bytes: number;
  older: PolicyNode | undefined;
  newer: PolicyNode | undefined;
  queue = 0;
  visits = 0;

  constructor(key: string, bytes: number) {
    this.key = key;
    this.bytes = bytes;
  }
}

export interface SimulatedCacheOptions {
  capacityBytes: number;
  /** As many as the bytes allow where unset. */
  maxEntries?: number;
  /** Larger ones are refused; a sample of a cache takes what the whole cache would. */
  maxEntryBytes: number;
  policy: Policy<PolicyNode>;
}

export class SimulatedCache {
  readonly #capacityBytes: number;
  readonly #maxEntries: number;
  readonly #maxEntryBytes: number;
  readonly #policy: Policy<PolicyNode>;
  /** Bounded like the cache. */
  readonly #nodes = new Map<string, Node>();
  #bytes = 0;

  constructor({ capacityBytes, maxEntries, maxEntryBytes, policy }: SimulatedCacheOptions) {
    this.#capacityBytes = capacityBytes;
    this.#maxEntries = maxEntries ?? Number.POSITIVE_INFINITY;
    this.#maxEntryBytes = Math.min(maxEntryBytes, capacityBytes);
    this.#policy = policy;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it is there; counts as a use of it. */
  lookup(key: string): boolean {
    const node = this.#nodes.get(key);
    if (node !== undefined) this.#policy.used(node);
    return node !== undefined;
  }

  /** Adds what is not there. */
  store(key: string, bytes: number): void {
    if (bytes > this.#maxEntryBytes || this.#nodes.has(key)) return;
    if (this.#policy.admitsFirst) {
      this.#add(key, bytes);
      this.#evictDownTo({ bytes: this.#capacityBytes, entries: this.#maxEntries });
    } else {
      this.#evictDownTo({ bytes: this.#capacityBytes - bytes, entries: this.#maxEntries - 1 });
      this.#add(key, bytes);
    }
  }

  remove(key: string): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#policy.removed(node);
    this.#forget(node);
  }

  #add(key: string, bytes: number): void {
    const node = new Node(key, bytes);
    this.#nodes.set(key, node);
    this.#bytes += bytes;
    this.#policy.added(node);
  }

  #evictDownTo({ bytes, entries }: { bytes: number; entries: number }): void {
    while (this.#bytes > bytes || this.#nodes.size > entries) {
      const victim = this.#policy.evict();
      assert(victim !== undefined, "a full cache has a victim");
      this.#forget(victim);
    }
  }

  #forget(node: PolicyNode): void {
    this.#nodes.delete(node.key);
    this.#bytes -= node.bytes;
  }
}
