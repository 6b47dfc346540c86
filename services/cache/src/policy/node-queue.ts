// A first-in first-out queue whose links live in its nodes: every operation is O(1) and allocates nothing. A Map used as a queue
// gets slower with its size (its deleted slots are walked over).
import { assert } from "@chimera/kernel";
import type { PolicyNode } from "../index/entry.ts";

/** `queue` of a node that stands in none. */
const NOWHERE = 0;

export class NodeQueue<N extends PolicyNode> {
  readonly #number: number;
  #oldest: PolicyNode | undefined;
  #newest: PolicyNode | undefined;
  #size = 0;
  #bytes = 0;

  /** A policy numbers its queues from 1, to tell by a node where it stands. */
  constructor(number = 1) {
    assert(number > NOWHERE, "queues are numbered from 1");
    this.#number = number;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  // Only what was pushed is in the queue, so every node of it is an N.
  get oldest(): N | undefined {
    return this.#oldest as N | undefined;
  }

  get newest(): N | undefined {
    return this.#newest as N | undefined;
  }

  push(node: N): void {
    assert(node.queue === NOWHERE, "a node stands in one queue");
    node.queue = this.#number;
    node.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.#size += 1;
    this.#bytes += node.bytes;
  }

  shift(): N | undefined {
    const node = this.oldest;
    if (node !== undefined) this.remove(node);
    return node;
  }

  remove(node: N): void {
    assert(node.queue === this.#number, "a node is removed from the queue it stands in");
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = undefined;
    node.newer = undefined;
    node.queue = NOWHERE;
    this.#size -= 1;
    this.#bytes -= node.bytes;
  }
}
