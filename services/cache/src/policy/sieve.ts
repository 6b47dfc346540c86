// SIEVE (Zhang and others, NSDI 2024): a queue that nothing moves in. A hand goes from the oldest to the newest, takes away one use
// mark after the other, and evicts the first entry without one.
import type { PolicyNode } from "../index/entry.ts";
import { NodeQueue } from "./node-queue.ts";
import type { Policy } from "./policy.ts";

export class SievePolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "sieve";
  readonly #queue = new NodeQueue<N>();
  /** Where the search goes on; the oldest where undefined. */
  #hand: N | undefined;

  added(node: N): void {
    node.visits = 0;
    this.#queue.push(node);
  }

  used(node: N): void {
    node.visits = 1;
  }

  removed(node: N): void {
    if (this.#hand === node) this.#hand = newerOf(node);
    this.#queue.remove(node);
  }

  /** Each step pays for one earlier use, so a search is O(1) per operation. */
  evict(): N | undefined {
    let victim = this.#hand ?? this.#queue.oldest;
    while (victim !== undefined && victim.visits > 0) {
      victim.visits = 0;
      victim = newerOf(victim) ?? this.#queue.oldest;
    }
    if (victim === undefined) return undefined;
    this.#hand = newerOf(victim);
    this.#queue.remove(victim);
    return victim;
  }
}

// What stands in a queue of N is an N.
function newerOf<N extends PolicyNode>(node: N): N | undefined {
  return node.newer as N | undefined;
}
