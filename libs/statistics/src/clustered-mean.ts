// Mean of values that come in clusters (turns of a conversation, questions on one document). Values of a cluster tell less
// than independent ones; the ordinary standard error would be too small, twice and more.
import { assert, type IntervalEstimate } from "@chimera/kernel";
import { at } from "./class-counts.ts";
import { ClusterSlots } from "./cluster-slots.ts";
import { tInterval } from "./mean.ts";

export interface ClusteredEstimate {
  n: number;
  /** Clusters told apart. */
  clusters: number;
  mean: number;
  /** NaN below two clusters. */
  standardError: number;
}

/**
 * Streams; holds two numbers per cluster. SE = √(K/(K-1) Σ over clusters of (sum of residuals)²) / n, as Liang and Zeger 1986
 * for the mean alone; t with K - 1 degrees of freedom.
 */
export class ClusteredMean {
  readonly #slots: ClusterSlots;
  readonly #sums: number[] = [];
  readonly #counts: number[] = [];
  #n = 0;
  #sum = 0;

  constructor(slots = new ClusterSlots()) {
    this.#slots = slots;
  }

  add(value: number, cluster: string): void {
    const slot = this.#slots.slotOf(cluster);
    this.#sums[slot] = at(this.#sums, slot) + value;
    this.#counts[slot] = at(this.#counts, slot) + 1;
    this.#n += 1;
    this.#sum += value;
  }

  estimate(): ClusteredEstimate {
    const clusters = this.#sums.length;
    const mean = this.#n === 0 ? Number.NaN : this.#sum / this.#n;
    let squares = 0;
    for (let slot = 0; slot < clusters; slot++) squares += (at(this.#sums, slot) - at(this.#counts, slot) * mean) ** 2;
    const standardError = clusters < 2 ? Number.NaN : Math.sqrt((clusters / (clusters - 1)) * squares) / this.#n;
    return { n: this.#n, clusters, mean, standardError };
  }

  /** Undefined below two clusters. */
  interval(level = 0.95): IntervalEstimate | undefined {
    const { clusters, mean, standardError } = this.estimate();
    if (clusters < 2) return undefined;
    return tInterval({ centre: mean, standardError, df: clusters - 1 }, level);
  }
}

/** All values at once. `clusters` is as long as `values`. */
export function clusteredMean(values: readonly number[], clusters: readonly string[]): ClusteredMean {
  assert(values.length === clusters.length, "every value needs its cluster");
  const mean = new ClusteredMean();
  for (const [i, value] of values.entries()) mean.add(value, clusters[i] ?? "");
  return mean;
}
