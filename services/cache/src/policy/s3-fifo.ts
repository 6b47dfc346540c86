// S3-FIFO (Yang and others, SOSP 2023), bounded in bytes. What comes in stands in a small queue first; only what was asked for twice
// there, or again soon after it left, gets into the main one. Nothing moves on a hit.
import type { PolicyNode } from "../index/entry.ts";
import { GhostList } from "./ghost-list.ts";
import { keyHash } from "./key-hash.ts";
import { NodeQueue } from "./node-queue.ts";
import type { Policy } from "./policy.ts";

const SMALL_SHARE = 0.1;
/** Uses in the small queue that lead to the main one. */
const PROMOTING_VISITS = 2;
/** Two bits. */
const MAX_VISITS = 3;
const SMALL = 1;
const MAIN = 2;

export class S3FifoPolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "s3-fifo";
  readonly #small = new NodeQueue<N>(SMALL);
  readonly #main = new NodeQueue<N>(MAIN);
  /** Left the small queue not long ago: as many bytes as the capacity. */
  readonly #ghosts: GhostList;

  constructor(capacityBytes: number) {
    this.#ghosts = new GhostList({ maxBytes: capacityBytes });
  }

  added(node: N): void {
    node.visits = 0;
    if (this.#ghosts.take(keyHash(node.key))) this.#main.push(node);
    else this.#small.push(node);
  }

  used(node: N): void {
    if (node.visits < MAX_VISITS) node.visits += 1;
  }

  removed(node: N): void {
    if (node.queue === SMALL) this.#small.remove(node);
    else this.#main.remove(node);
  }

  resized(capacityBytes: number): void {
    this.#ghosts.resize(capacityBytes);
  }

  evict(): N | undefined {
    return (
      (this.#isSmallFull() ? this.#evictFromSmall() : undefined) ?? this.#evictFromMain() ?? this.#evictFromSmall()
    );
  }

  /** Of what is resident, not of the capacity: the same where bytes are short, and also right where the number of entries is. */
  #isSmallFull(): boolean {
    const { bytes } = this.#small;
    return bytes > 0 && bytes >= SMALL_SHARE * (bytes + this.#main.bytes);
  }

  /** Undefined where all of it was promoted. */
  #evictFromSmall(): N | undefined {
    for (let node = this.#small.shift(); node !== undefined; node = this.#small.shift()) {
      if (node.visits < PROMOTING_VISITS) {
        this.#ghosts.add(keyHash(node.key), node.bytes);
        return node;
      }
      node.visits = 0;
      this.#main.push(node);
    }
    return undefined;
  }

  /** Each round pays for one earlier use. */
  #evictFromMain(): N | undefined {
    for (let node = this.#main.shift(); node !== undefined; node = this.#main.shift()) {
      if (node.visits === 0) return node;
      node.visits -= 1;
      this.#main.push(node);
    }
    return undefined;
  }
}
