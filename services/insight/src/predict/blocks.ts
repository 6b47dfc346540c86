// Bootstrap over stretches of time: what follows closely belongs together (Künsch 1989), and what comes early differs from what comes
// late, so a stretch is redrawn from its neighbours (Paparoditis and Politis 2002).
import type { Random } from "@chimera/kernel";

/** Blocks a window is cut into; of a minute where it is long enough for that. */
const MIN_BLOCKS = 20;
const MAX_BLOCKS = 60;
const BLOCK_MS = 60_000;
/** Neighbours on either side that a block may be redrawn from. */
const REACH = 5;

export interface Blocks {
  readonly count: number;
  readonly lengthMs: number;
  /** 0 to count - 1. */
  of(atMs: number): number;
}

export function blocksOf({ fromMs, toMs }: { fromMs: number; toMs: number }): Blocks {
  const spanMs = Math.max(1, toMs - fromMs);
  const count = Math.min(MAX_BLOCKS, Math.max(MIN_BLOCKS, Math.floor(spanMs / BLOCK_MS)));
  const lengthMs = spanMs / count;
  return { count, lengthMs, of: (atMs) => Math.min(count - 1, Math.max(0, Math.floor((atMs - fromMs) / lengthMs))) };
}

/** How often each block stands in one resample. */
export function redraw(count: number, random: Random): Uint16Array {
  const weights = new Uint16Array(count);
  for (let block = 0; block < count; block++) {
    const low = Math.min(Math.max(0, block - REACH), Math.max(0, count - 1 - 2 * REACH));
    const drawn = Math.min(count - 1, low + Math.floor(random() * Math.min(count, 2 * REACH + 1)));
    weights[drawn] = (weights[drawn] ?? 0) + 1;
  }
  return weights;
}

/** Values with the block each belongs to, sorted once, so that a quantile of a resample is one walk. */
export class BlockSample {
  readonly #values: Float64Array;
  readonly #blocks: Uint16Array;
  readonly #counts: Float64Array;

  constructor(values: readonly { readonly value: number; readonly block: number }[]) {
    const sorted = values.toSorted((a, b) => a.value - b.value);
    this.#values = Float64Array.from(sorted, ({ value }) => value);
    this.#blocks = Uint16Array.from(sorted, ({ block }) => block);
    this.#counts = new Float64Array(MAX_BLOCKS);
    for (const block of this.#blocks) this.#counts[block] = (this.#counts[block] ?? 0) + 1;
  }

  /** Lower weighted quantile; NaN where the resample is empty. */
  quantile(p: number, weights: Uint16Array): number {
    const total = this.#counts.reduce((sum, count, block) => sum + count * (weights[block] ?? 0), 0);
    let below = 0;
    for (let i = 0; i < this.#blocks.length; i++) {
      below += weights[this.#blocks[i] ?? 0] ?? 0;
      if (below > 0 && below >= p * total) return this.#values[i] ?? Number.NaN;
    }
    return Number.NaN;
  }
}
