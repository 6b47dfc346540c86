// Which replicas served which beginnings of prompts lately, and so may still hold them computed.
import { blockTokens } from "./prefix-keys.ts";

/** Keys over all holders, about 40 MB at the worst; with many holders each keeps fewer. */
const MAX_KEYS = 262_144;

interface Held {
  /**
   * Tokens of each block, least recently used first. The keys of a prompt are touched from the last to the first, so a key never
   * leaves before a longer beginning of the same prompt: whoever holds a key holds all before it.
   */
  readonly blocks: Map<number, number>;
  tokens: number;
}

export class PrefixIndex<H> {
  /** By key; bounded by MAX_KEYS. */
  readonly #holders = new Map<number, H[]>();
  readonly #held = new Map<H, Held>();

  /** How many of `keys`, from the first on, anybody holds. */
  longest(keys: readonly number[]): number {
    return countHeld(keys, this.#holders);
  }

  /** How many of `keys`, from the first on, this one holds. */
  heldBy(holder: H, keys: readonly number[]): number {
    const held = this.#held.get(holder);
    return held === undefined ? 0 : countHeld(keys, held.blocks);
  }

  holders(key: number | undefined): readonly H[] {
    return (key === undefined ? undefined : this.#holders.get(key)) ?? [];
  }

  countOf(holder: H): number {
    return this.#held.get(holder)?.blocks.size ?? 0;
  }

  /** The prompt is being computed there. `capacityTokens`: what this holder can keep. */
  add(holder: H, keys: readonly number[], capacityTokens: number): void {
    if (keys.length === 0) return;
    const held: Held = this.#held.get(holder) ?? { blocks: new Map(), tokens: 0 };
    this.#held.set(holder, held);
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i];
      if (key === undefined) continue;
      if (!held.blocks.delete(key)) {
        held.tokens += blockTokens(i);
        this.#addHolder(key, holder);
      }
      held.blocks.set(key, blockTokens(i));
    }
    const maxKeys = MAX_KEYS / this.#held.size;
    for (const [oldest, tokens] of held.blocks) {
      if (held.tokens <= capacityTokens && held.blocks.size <= maxKeys) break;
      held.blocks.delete(oldest);
      held.tokens -= tokens;
      this.#removeHolder(oldest, holder);
    }
  }

  /** What it had computed is gone. */
  forget(holder: H): void {
    for (const key of this.#held.get(holder)?.blocks.keys() ?? []) this.#removeHolder(key, holder);
    this.#held.delete(holder);
  }

  #addHolder(key: number, holder: H): void {
    const holders = this.#holders.get(key);
    if (holders) holders.push(holder);
    else this.#holders.set(key, [holder]);
  }

  #removeHolder(key: number, holder: H): void {
    const holders = this.#holders.get(key);
    if (holders === undefined) return;
    if (holders.length === 1) this.#holders.delete(key);
    else holders.splice(holders.indexOf(holder), 1);
  }
}

/** What is held is always a beginning, so its end is found by halving. */
function countHeld(keys: readonly number[], held: { has(key: number): boolean }): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (held.has(keys[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}
