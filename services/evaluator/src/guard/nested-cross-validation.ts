// What a whole tuning run is worth on items it did not see: the inner loop tunes on the other folds, the outer fold scores
// its choice against the baseline. Reported is the outer mean; the inner best shows by how much it would have flattered.
import { assert, type IntervalEstimate, type Random } from "@chimera/kernel";
import { type PairedDifference, PairedDifferences, tQuantile } from "@chimera/statistics";

/** Tuning runs of one estimate. */
const MAX_RUNS = 100;

export interface Clustered {
  readonly id: string;
  /** Items of one cluster are in one fold. */
  readonly cluster?: string | undefined;
}

export interface NestedOptions<Item extends Clustered, Choice> {
  readonly items: readonly Item[];
  readonly folds: number;
  readonly repeats: number;
  readonly random: Random;
  /** Tunes on these items; `score` is what it believes its choice gains over the baseline. */
  tune(items: readonly Item[]): Promise<{ choice: Choice; believedGain: number }>;
  /** Scores by item, in their order. */
  score(choice: Choice, items: readonly Item[]): Promise<{ choice: readonly number[]; baseline: readonly number[] }>;
}

export interface NestedEstimate {
  /** Mean over the outer folds. */
  readonly gain: number;
  /** Corrected resampled t (Nadeau and Bengio 2003): folds share training items, so they are not independent. */
  readonly interval: IntervalEstimate;
  /** Mean believed gain minus outer gain. */
  readonly optimism: number;
  readonly runs: number;
  readonly byFold: readonly PairedDifference[];
}

export async function nestedCrossValidation<Item extends Clustered, Choice>(
  options: NestedOptions<Item, Choice>,
): Promise<NestedEstimate> {
  const { items, folds, repeats } = options;
  const runs = folds * repeats;
  assert(
    folds >= 2 && repeats >= 1 && runs <= MAX_RUNS,
    `2 or more folds, at most ${MAX_RUNS} runs, got ${folds} × ${repeats}`,
  );
  assert(items.length >= folds, "every fold needs an item");
  const byFold: PairedDifference[] = [];
  let believed = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const foldOf = dealt(options);
    for (let fold = 0; fold < folds; fold++) {
      const [inner, outer] = [
        items.filter((item) => foldOf(item) !== fold),
        items.filter((item) => foldOf(item) === fold),
      ];
      if (inner.length === 0 || outer.length === 0) continue;
      const { choice, believedGain } = await options.tune(inner);
      byFold.push(compared(outer, await options.score(choice, outer)));
      believed += believedGain;
    }
  }
  const gains = byFold.map(({ difference }) => difference);
  const gain = gains.reduce((sum, each) => sum + each, 0) / gains.length;
  return {
    gain,
    interval: correctedInterval(gains, folds),
    optimism: believed / gains.length - gain,
    runs: gains.length,
    byFold,
  };
}

/** Clusters in random order, one to each fold in turn. */
function dealt<Item extends Clustered, Choice>({ items, folds, random }: NestedOptions<Item, Choice>) {
  const clusterOf = ({ id, cluster }: Item) => (cluster === undefined ? `item ${id}` : `cluster ${cluster}`);
  const keyed = [...new Set(items.map(clusterOf))].map((cluster) => ({ cluster, key: random() }));
  const order = keyed.sort((a, b) => a.key - b.key);
  const folded = new Map(order.map(({ cluster }, position) => [cluster, position % folds]));
  return (item: Item) => folded.get(clusterOf(item)) ?? 0;
}

function compared<Item extends Clustered>(
  items: readonly Item[],
  { choice, baseline }: { choice: readonly number[]; baseline: readonly number[] },
): PairedDifference {
  assert(choice.length === items.length && baseline.length === items.length, "one score per item of the fold");
  const differences = new PairedDifferences();
  items.forEach(({ id, cluster }, at) => {
    differences.add({ first: baseline[at] ?? 0, second: choice[at] ?? 0, cluster: cluster ?? id });
  });
  return differences.result();
}

function correctedInterval(gains: readonly number[], folds: number): IntervalEstimate {
  const n = gains.length;
  const mean = gains.reduce((sum, each) => sum + each, 0) / n;
  const variance = gains.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(n - 1, 1);
  // Outer over inner items of one run is 1 / (folds - 1).
  const half = tQuantile(0.975, Math.max(n - 1, 1)) * Math.sqrt((1 / n + 1 / (folds - 1)) * variance);
  return { low: mean - half, high: mean + half, level: 0.95 };
}
