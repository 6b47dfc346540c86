// Which prefixes were asked to be warm and still are: named after the last of their blocks.

/** Most that are remembered; the least recently used is forgotten, its blocks stay as long as memory allows. */
const MAX_PREFIXES = 64;
const ID_CHARACTERS = 12;

export class WarmPrefixes {
  /** Last block key to id, least recently used first. */
  readonly #ids = new Map<number, string>();

  /** Returns the id. */
  add(lastBlock: number): string {
    const id = lastBlock.toString(16).padStart(ID_CHARACTERS, "0");
    this.#use(lastBlock, id);
    const oldest = this.#ids.keys().next();
    if (this.#ids.size > MAX_PREFIXES && !oldest.done) this.#ids.delete(oldest.value);
    return id;
  }

  /** A request came with these blocks. */
  touch(blocks: readonly number[]): void {
    if (this.#ids.size === 0) return;
    for (const block of blocks) {
      const id = this.#ids.get(block);
      if (id !== undefined) this.#use(block, id);
    }
  }

  /** Ids of those whose blocks are all there, most recently used first. */
  listed(isThere: (block: number) => boolean): string[] {
    return [...this.#ids].flatMap(([block, id]) => (isThere(block) ? [id] : [])).reverse();
  }

  #use(block: number, id: string): void {
    this.#ids.delete(block);
    this.#ids.set(block, id);
  }
}
