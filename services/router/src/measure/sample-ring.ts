// The requests that ended in the last minute, as columns of numbers: what percentiles of TTFT, queue and turn are taken of.
import { type QuantileRow, quantilesOf } from "./quantiles.ts";

export const COLUMNS = ["ttftMs", "queueMs", "turnMs"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Times {
  /** Undefined where the request had none: no first delta, never in the queue, not answered in whole. */
  ttftMs: number | undefined;
  queueMs: number | undefined;
  turnMs: number | undefined;
}

export class SampleRing {
  readonly #capacity: number;
  readonly #mask: number;
  readonly #endedMs: Float64Array;
  readonly #columns: Record<Column, Float64Array>;
  readonly #scratch: Float64Array;
  #pushed = 0;

  /** 40 bytes for each of `capacity`, a power of two; where more end in a minute, its newest are kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#mask = capacity - 1;
    const column = () => new Float64Array(capacity);
    this.#endedMs = column();
    this.#columns = { ttftMs: column(), queueMs: column(), turnMs: column() };
    this.#scratch = column();
  }

  /** The slot it takes: whoever tells requests apart keeps that in a column of its own. */
  push(nowMs: number, times: Times): number {
    const slot = this.#pushed & this.#mask;
    this.#endedMs[slot] = nowMs;
    for (const column of COLUMNS) this.#columns[column][slot] = times[column] ?? Number.NaN;
    this.#pushed += 1;
    return slot;
  }

  /** Those that ended at `fromMs` or later. */
  since(fromMs: number): number {
    const size = Math.min(this.#pushed, this.#capacity);
    for (let age = 1; age <= size; age += 1) {
      if ((this.#endedMs[(this.#pushed - age) & this.#mask] ?? 0) < fromMs) return age - 1;
    }
    return size;
  }

  /** One row per group, over the newest `count` samples. `of` gives the group of a slot; those outside are left out. */
  quantiles(column: Column, count: number, groups: { of: Uint16Array; count: number }): QuantileRow[] {
    const ends = this.#gather(this.#columns[column], count, groups);
    return Array.from({ length: groups.count }, (_, group) => {
      const start = group === 0 ? 0 : (ends[group - 1] ?? 0);
      return quantilesOf(this.#scratch.subarray(start, ends[group]));
    });
  }

  /** Puts the values into the scratch array, group by group, and returns where each group ends. */
  #gather(values: Float64Array, count: number, { of, count: groups }: { of: Uint16Array; count: number }): Uint32Array {
    const next = new Uint32Array(groups + 1);
    const start = this.#pushed - count;
    for (let index = start; index < this.#pushed; index += 1) {
      const slot = index & this.#mask;
      const group = of[slot] ?? groups;
      const value = values[slot] ?? Number.NaN;
      if (group < groups && !Number.isNaN(value)) next[group + 1] = (next[group + 1] ?? 0) + 1;
    }
    for (let group = 1; group <= groups; group += 1) next[group] = (next[group] ?? 0) + (next[group - 1] ?? 0);
    // next[g] is where the next value of group g goes, so that it becomes the end of g.
    for (let index = start; index < this.#pushed; index += 1) {
      const slot = index & this.#mask;
      const group = of[slot] ?? groups;
      const value = values[slot] ?? Number.NaN;
      if (group >= groups || Number.isNaN(value)) continue;
      const at = next[group] ?? 0;
      this.#scratch[at] = value;
      next[group] = at + 1;
    }
    return next;
  }
}
