// Least recently used: the entry that was not served for the longest time leaves first.
import type { PolicyNode } from "../index/entry.ts";
import { NodeQueue } from "./node-queue.ts";
import type { Policy } from "./policy.ts";

export class LruPolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "lru";
  readonly #queue = new NodeQueue<N>();

  added(node: N): void {
    this.#queue.push(node);
  }

  used(node: N): void {
    if (node === this.#queue.newest) return;
    this.#queue.remove(node);
    this.#queue.push(node);
  }

  removed(node: N): void {
    this.#queue.remove(node);
  }

  evict(): N | undefined {
    return this.#queue.shift();
  }
}
