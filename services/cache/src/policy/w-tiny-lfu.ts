// W-TinyLFU (Einziger, Friedman, Manes 2017), its parts measured in bytes. What comes in passes a window of 1 %; what leaves the window
// stays only if it was asked for more often, by a sketch, than what would leave for it. The rest is a segmented LRU.
import { assert, type Random } from "@chimera/kernel";
import type { PolicyNode } from "../index/entry.ts";
import { FrequencySketch } from "./frequency-sketch.ts";
import { keyHash } from "./key-hash.ts";
import { NodeQueue } from "./node-queue.ts";
import type { Policy } from "./policy.ts";

const WINDOW_SHARE = 0.01;
/** Of what is not the window. */
const PROTECTED_SHARE = 0.8;
/** Below this fill, and where nobody had to leave, nobody has to prove anything. */
const FULL_SHARE = 0.95;
const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;
/** Now and then a candidate that is warm gets in against a hotter one: nobody can keep the filter shut by heating up what is in. */
const WARM_COUNT = 6;
const LUCKY_SHARE = 1 / 128;

export interface WTinyLfuOptions {
  capacityBytes: number;
  random: Random;
}

export class WTinyLfuPolicy<N extends PolicyNode> implements Policy<N> {
  readonly name = "w-tinylfu";
  #capacityBytes: number;
  readonly #random: Random;
  readonly #sketch = new FrequencySketch();
  readonly #window = new NodeQueue<N>(WINDOW);
  readonly #probation = new NodeQueue<N>(PROBATION);
  readonly #protected = new NodeQueue<N>(PROTECTED);
  #isFilling = true;

  constructor({ capacityBytes, random }: WTinyLfuOptions) {
    assert(capacityBytes > 0, "a cache holds something");
    this.#capacityBytes = capacityBytes;
    this.#random = random;
  }

  added(node: N): void {
    this.#sketch.ensure(this.#window.size + this.#probation.size + this.#protected.size + 1);
    this.#sketch.add(keyHash(node.key));
    this.#window.push(node);
    if (this.#isFilling) while (this.#isWindowFull()) this.#admit();
    this.#isFilling ||= this.#bytes < FULL_SHARE * this.#capacityBytes;
  }

  used(node: N): void {
    this.#sketch.add(keyHash(node.key));
    const queue = node.queue === PROBATION ? this.#protected : this.#queueOf(node);
    this.#queueOf(node).remove(node);
    queue.push(node);
    const protectedBytes = PROTECTED_SHARE * (this.#bytes - this.#window.bytes);
    while (this.#protected.bytes > protectedBytes) {
      const demoted = this.#protected.shift();
      if (demoted !== undefined) this.#probation.push(demoted);
    }
  }

  removed(node: N): void {
    this.#queueOf(node).remove(node);
  }

  resized(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
  }

  evict(): N | undefined {
    this.#isFilling = false;
    const main = this.#probation.oldest ?? this.#protected.oldest;
    const candidate = this.#window.oldest;
    const isContest = candidate !== undefined && main !== undefined && this.#isWindowFull();
    if (isContest && this.#wins(candidate, main)) this.#admit();
    const victim = isContest && candidate.queue === WINDOW ? candidate : (main ?? candidate);
    if (victim !== undefined) this.removed(victim);
    return victim;
  }

  get #bytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  /** Of what is resident, not of the capacity: right as well where not bytes but the number of entries is short. */
  #isWindowFull(): boolean {
    return this.#window.bytes > WINDOW_SHARE * this.#bytes;
  }

  #admit(): void {
    const node = this.#window.shift();
    if (node !== undefined) this.#probation.push(node);
  }

  #wins(candidate: N, victim: N): boolean {
    const count = this.#sketch.count(keyHash(candidate.key));
    if (count > this.#sketch.count(keyHash(victim.key))) return true;
    return count >= WARM_COUNT && this.#random() < LUCKY_SHARE;
  }

  #queueOf(node: N): NodeQueue<N> {
    if (node.queue === WINDOW) return this.#window;
    return node.queue === PROBATION ? this.#probation : this.#protected;
  }
}
