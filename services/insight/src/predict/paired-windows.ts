// One stretch of time lived twice, as it was and changed: the change with its intervals for the next stretch. That one differs from
// this one as two resamples differ from each other: the first stands for the error of what was measured, the second for the
// chance of what will be.
import { seededRandom } from "@chimera/kernel";
import type { PredictedChange } from "../ledger/prediction.ts";
import { BlockSample, type Blocks, redraw } from "./blocks.ts";
import { changeFrom } from "./predicted-change.ts";

export const RESAMPLES = 400;

export interface PairedWindows<Value> {
  readonly blocks: Blocks;
  readonly atMs: readonly number[];
  readonly before: readonly Value[];
  readonly after: readonly Value[];
  readonly seed: number;
}

/** Of the median. */
export function medianChange(windows: PairedWindows<number>): { beforeMedian: number; change: PredictedChange } {
  const { blocks, atMs } = windows;
  const sampleOf = (values: readonly number[]) =>
    new BlockSample(values.map((value, i) => ({ value, block: blocks.of(atMs[i] ?? 0) })));
  const [before, after] = [sampleOf(windows.before), sampleOf(windows.after)];
  return {
    beforeMedian: before.quantile(0.5, every(blocks)),
    change: changeBetween(windows, (weights) => after.quantile(0.5, weights) / before.quantile(0.5, weights) - 1),
  };
}

/** Of how many there are. Undefined where there were none before. */
export function countChange(windows: PairedWindows<boolean>): PredictedChange | undefined {
  const countsOf = (values: readonly boolean[]) => {
    const counts = new Float64Array(windows.blocks.count);
    for (const [i, value] of values.entries()) {
      const block = windows.blocks.of(windows.atMs[i] ?? 0);
      if (value) counts[block] = (counts[block] ?? 0) + 1;
    }
    return (weights: Uint16Array) => counts.reduce((sum, count, block) => sum + count * (weights[block] ?? 0), 0);
  };
  const [before, after] = [countsOf(windows.before), countsOf(windows.after)];
  if (before(every(windows.blocks)) === 0) return undefined;
  return changeBetween(windows, (weights) => after(weights) / before(weights) - 1);
}

function changeBetween(
  { blocks, seed }: Pick<PairedWindows<unknown>, "blocks" | "seed">,
  changeOf: (weights: Uint16Array) => number,
): PredictedChange {
  const random = seededRandom(seed);
  const relative = changeOf(every(blocks));
  const draws = Array.from({ length: RESAMPLES }, () => {
    const [one, other] = [changeOf(redraw(blocks.count, random)), changeOf(redraw(blocks.count, random))];
    return (1 + relative) * ((1 + one) / (1 + other)) - 1;
  });
  return changeFrom(relative, draws);
}

function every({ count }: Blocks): Uint16Array {
  return new Uint16Array(count).fill(1);
}
