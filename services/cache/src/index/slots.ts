// A set whose items know where they stand, so that adding, removing and picking by chance are O(1).
import { assert } from "@chimera/kernel";

/** `slot` of what is in no set. */
export const NO_SLOT = -1;

export interface Slotted {
  slot: number;
}

export class Slots<T extends Slotted> {
  /** No holes: the last item fills the place of one that leaves. */
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  at(slot: number): T | undefined {
    return this.#items[slot];
  }

  add(item: T): void {
    assert(item.slot === NO_SLOT, "an item is in one set");
    item.slot = this.#items.length;
    this.#items.push(item);
  }

  remove(item: T): void {
    assert(this.#items[item.slot] === item, "an item is removed from the set it is in");
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      last.slot = item.slot;
      this.#items[item.slot] = last;
    }
    item.slot = NO_SLOT;
  }
}
