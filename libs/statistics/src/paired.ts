// Two systems on the same items: the difference of each pair, its mean, interval and test. Pairing halves the items that are
// needed where the systems agree on what is hard.
import { type IntervalEstimate, normalQuantile } from "@chimera/kernel";
import { ClusteredMean } from "./clustered-mean.ts";
import { tTwoSided } from "./distributions.ts";
import { meanInterval, RunningMean } from "./mean.ts";

export interface PairedDifference {
  n: number;
  /** Independent groups of pairs: n where every pair is one. */
  clusters: number;
  /** Mean of second minus first. */
  difference: number;
  standardError: number;
  /** t with clusters - 1 degrees of freedom. Undefined below two clusters. */
  interval: IntervalEstimate | undefined;
  /** Two-sided test of no difference. 1 where the pairs all differ alike by nothing, NaN below two clusters. */
  pValue: number;
}

export interface Pair {
  first: number;
  second: number;
  /** Pairs with the same one are not independent. A pair without one stands for itself. */
  cluster?: string | undefined;
}

/** Streams pairs. Once a pair names a cluster, all must. */
export class PairedDifferences {
  readonly #single = new RunningMean();
  readonly #clustered = new ClusteredMean();
  #isClustered = false;

  add({ first, second, cluster }: Pair): void {
    const difference = second - first;
    this.#single.add(difference);
    if (cluster === undefined) return;
    this.#isClustered = true;
    this.#clustered.add(difference, cluster);
  }

  result(level = 0.95): PairedDifference {
    const single = this.#single;
    const clustered = this.#isClustered ? this.#clustered.estimate() : undefined;
    const clusters = clustered?.clusters ?? single.n;
    const standardError = clustered?.standardError ?? single.standardError;
    return {
      n: single.n,
      clusters,
      difference: single.mean,
      standardError,
      interval: this.#isClustered ? this.#clustered.interval(level) : meanInterval(single, level),
      pValue: pValueOf({ difference: single.mean, standardError, clusters }),
    };
  }
}

export function pairedDifference(pairs: Iterable<Pair>, level = 0.95): PairedDifference {
  const differences = new PairedDifferences();
  for (const pair of pairs) differences.add(pair);
  return differences.result(level);
}

function pValueOf(of: { difference: number; standardError: number; clusters: number }): number {
  if (of.clusters < 2) return Number.NaN;
  if (of.standardError === 0) return of.difference === 0 ? 1 : 0;
  return tTwoSided(of.difference / of.standardError, of.clusters - 1);
}

export interface PowerOptions {
  /** Smallest difference that must not be missed. */
  difference: number;
  /** Variance of the differences of pairs. */
  variance: number;
  alpha?: number;
  power?: number;
}

/** Pairs needed: (z(1 - alpha/2) + z(power))² v / d², two-sided. 7.849 v / d² at 5 % and 80 %. */
export function pairsNeeded({ difference, variance, alpha = 0.05, power = 0.8 }: PowerOptions): number {
  const z = normalQuantile(1 - alpha / 2) + normalQuantile(power);
  return Math.ceil((z * z * variance) / (difference * difference));
}
