// A bounded number of slots for any number of clusters. Past the bound a new cluster shares the slot its hash names: two
// clusters counted as one make an interval wider, never false.
import { assert } from "@chimera/kernel";

/** The standard error over this many is itself known to 1 %. */
const DEFAULT_MAX_SLOTS = 5000;

export class ClusterSlots {
  readonly #maxSlots: number;
  readonly #slots = new Map<string, number>();

  constructor(maxSlots = DEFAULT_MAX_SLOTS) {
    assert(maxSlots >= 2, `clusters need at least two slots, got ${maxSlots}`);
    this.#maxSlots = maxSlots;
  }

  /** From 0 on; the same cluster always has the same one. */
  slotOf(cluster: string): number {
    const known = this.#slots.get(cluster);
    if (known !== undefined) return known;
    if (this.#slots.size >= this.#maxSlots) return hash(cluster) % this.#maxSlots;
    const slot = this.#slots.size;
    this.#slots.set(cluster, slot);
    return slot;
  }
}

/** FNV-1a, 32 bits, over UTF-16 units. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}
