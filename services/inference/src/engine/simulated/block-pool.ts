// The KV memory: a fixed number of blocks. Whole prompt blocks stay after their request under a key that stands for the block
// and everything before it, so that a prompt with the same beginning finds them; the least recently used go first when memory
// is short.
import { assert } from "@chimera/kernel";

interface Block {
  readonly key: number;
  /** Running sequences that hold it. */
  users: number;
}

/** What one sequence holds. */
export class BlockHolding {
  /** From the beginning of the prompt on. */
  readonly shared: Block[] = [];
  /** Blocks that nobody else can find: unfinished ones, and answers. */
  privateBlocks = 0;

  get blocks(): number {
    return this.shared.length + this.privateBlocks;
  }
}

export class BlockPool {
  readonly capacity: number;
  /** Every block that has a key; bounded by capacity. */
  readonly #blocks = new Map<number, Block>();
  /**
   * Those without users, least recently used first. A sequence lets go of its blocks from the last to the first, and whoever
   * holds a block holds all before it: so a block always stands behind its followers here, and the leaves go first.
   */
  readonly #idle = new Map<number, Block>();
  #privateBlocks = 0;
  #revision = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Blocks of running sequences. */
  get used(): number {
    return this.#privateBlocks + this.#blocks.size - this.#idle.size;
  }

  /** Blocks that hold state, with or without users. */
  get kept(): number {
    return this.#privateBlocks + this.#blocks.size;
  }

  /** Grows with every change that may make room or a match: until then, what did not fit does not fit. */
  get revision(): number {
    return this.#revision;
  }

  has(key: number): boolean {
    return this.#blocks.has(key);
  }

  /** How many of `keys`, from the first on and at most `most`, are here. */
  match(keys: readonly number[], most: number): number {
    const end = Math.min(most, keys.length);
    let count = 0;
    while (count < end && this.#blocks.has(keys[count] ?? Number.NaN)) count++;
    return count;
  }

  /** Counts as a use of blocks that are here. */
  touch(keys: readonly number[]): void {
    const holding = this.hold(keys, keys.length, keys.length);
    assert(holding !== undefined, "what is here needs no room");
    this.release(holding);
  }

  /** Takes the first `matched` blocks of `keys`, which are here, and private ones up to `blocks` together; or nothing. */
  hold(keys: readonly number[], matched: number, blocks: number): BlockHolding | undefined {
    let idleMatched = 0;
    for (let i = 0; i < matched; i++) if (this.#idle.has(keys[i] ?? Number.NaN)) idleMatched++;
    if (blocks - matched > this.capacity - this.used - idleMatched) return undefined;
    const holding = new BlockHolding();
    for (let i = 0; i < matched; i++) holding.shared.push(this.#use(keys[i] ?? Number.NaN));
    const isTaken = this.grow(holding, blocks - matched);
    assert(isTaken, "blocks that were counted as free must be there");
    return holding;
  }

  /** Adds private blocks; false where running sequences hold too much for that. */
  grow(holding: BlockHolding, blocks: number): boolean {
    if (blocks > this.capacity - this.used) return false;
    this.#privateBlocks += blocks;
    holding.privateBlocks += blocks;
    while (this.kept > this.capacity) this.#evictOne();
    return true;
  }

  /** A private block is complete: from now on others find it. One that another sequence finished first replaces it. */
  publish(holding: BlockHolding, key: number): void {
    assert(holding.privateBlocks > 0, "only a private block can be published");
    this.#revision++;
    this.#privateBlocks--;
    holding.privateBlocks--;
    if (!this.#blocks.has(key)) {
      const block = { key, users: 0 };
      this.#blocks.set(key, block);
      this.#idle.set(key, block);
    }
    holding.shared.push(this.#use(key));
  }

  release(holding: BlockHolding): void {
    this.#revision++;
    this.#privateBlocks -= holding.privateBlocks;
    holding.privateBlocks = 0;
    for (let block = holding.shared.pop(); block !== undefined; block = holding.shared.pop()) {
      if (--block.users === 0) this.#idle.set(block.key, block);
    }
  }

  #use(key: number): Block {
    const block = this.#blocks.get(key);
    assert(block !== undefined, "a matched block must be here");
    if (block.users++ === 0) this.#idle.delete(key);
    return block;
  }

  #evictOne(): void {
    const oldest = this.#idle.keys().next();
    assert(!oldest.done, "there must be a block to evict");
    this.#idle.delete(oldest.value);
    this.#blocks.delete(oldest.value);
  }
}
