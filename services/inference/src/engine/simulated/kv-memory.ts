// What running sequences hold of the KV memory, and what prompts find there of earlier ones.
import { assert } from "@chimera/kernel";
import { BlockPool } from "./block-pool.ts";
import type { SimulationParameters } from "./parameters.ts";
import type { Job, Sequence } from "./sequence.ts";

const NO_BLOCKS: readonly number[] = [];

export class KvMemory {
  readonly pool: BlockPool;
  readonly #blockTokens: number;

  constructor({ kvBlocks, kvBlockTokens }: Pick<SimulationParameters, "kvBlocks" | "kvBlockTokens">) {
    this.pool = new BlockPool(kvBlocks);
    this.#blockTokens = kvBlockTokens;
  }

  /** Whether all of it fits, with nothing else there. */
  canEverHold({ promptTokens, completionTokens }: Job): boolean {
    return this.#blocksFor(promptTokens + completionTokens) <= this.pool.capacity;
  }

  /** Takes memory for everything known so far; what is kept of its beginning counts as computed. False where it does not fit. */
  allocate(sequence: Sequence): boolean {
    const { job, knownTokens } = sequence;
    const cachedTokens = this.cachedTokens(job, knownTokens);
    const matched = job.cachedTokens === undefined ? cachedTokens / this.#blockTokens : 0;
    sequence.holding = this.pool.hold(job.blocks ?? NO_BLOCKS, matched, this.#blocksFor(knownTokens));
    if (sequence.holding === undefined) return false;
    sequence.computedTokens = cachedTokens;
    return true;
  }

  /** How much of the beginning is here, of `knownTokens`. The last of them must be computed for what comes after it. */
  cachedTokens({ blocks = NO_BLOCKS, cachedTokens }: Job, knownTokens: number): number {
    if (cachedTokens !== undefined) return Math.min(cachedTokens, knownTokens - 1);
    return this.pool.match(blocks, Math.floor((knownTokens - 1) / this.#blockTokens)) * this.#blockTokens;
  }

  /** Makes room for one token more; false where memory is short. */
  growForNext({ holding, computedTokens }: Sequence): boolean {
    assert(holding !== undefined, "a running sequence holds memory");
    const missing = this.#blocksFor(computedTokens + 1) - holding.blocks;
    return missing <= 0 || this.pool.grow(holding, missing);
  }

  /** Whole blocks of the prompt that are computed can be found by others from now on. */
  publish({ job, holding, computedTokens }: Sequence): void {
    if (holding === undefined || job.blocks === undefined || job.cachedTokens !== undefined) return;
    const whole = Math.floor(Math.min(computedTokens, job.promptTokens) / this.#blockTokens);
    const end = Math.min(whole, job.blocks.length);
    for (let i = holding.shared.length; i < end; i++) this.pool.publish(holding, job.blocks[i] ?? Number.NaN);
  }

  release(sequence: Sequence): void {
    if (sequence.holding) this.pool.release(sequence.holding);
    sequence.holding = undefined;
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.#blockTokens);
  }
}
