// Mean of scores per item with the interval that fits: clustered t where items name clusters, else Wilson for right or wrong and
// t for anything between.
import { type IntervalEstimate, wilsonInterval } from "@chimera/kernel";
import { ClusteredMean, meanInterval, RunningMean } from "@chimera/statistics";
import type { ScoreFigure } from "./scorer.ts";

export class ItemMean {
  readonly #name: string;
  readonly #isBinary: boolean;
  readonly #values = new RunningMean();
  readonly #clustered = new ClusteredMean();
  #successes = 0;
  #isClustered = false;

  /** `isBinary`: every score is 0 or 1. */
  constructor(name: string, { isBinary = false }: { isBinary?: boolean } = {}) {
    this.#name = name;
    this.#isBinary = isBinary;
  }

  add(score: number, cluster: string | undefined): void {
    this.#values.add(score);
    if (score === 1) this.#successes += 1;
    if (cluster === undefined) return;
    this.#isClustered = true;
    this.#clustered.add(score, cluster);
  }

  figure(): ScoreFigure {
    const clusters = this.#isClustered ? this.#clustered.estimate().clusters : undefined;
    const { n, mean } = this.#values;
    // Counted, so that 2 of 3 is 2/3 to the last bit.
    const value = this.#isBinary ? this.#successes / n : mean;
    return { name: this.#name, value, n, clusters, ...this.#interval() };
  }

  #interval(): { interval: IntervalEstimate | undefined; method: string } {
    if (this.#isClustered) return this.#clusteredInterval();
    if (!this.#isBinary) return { interval: meanInterval(this.#values), method: "t" };
    return { interval: wilsonInterval(this.#successes, this.#values.n), method: "wilson" };
  }

  #clusteredInterval(): { interval: IntervalEstimate | undefined; method: string } {
    const { clusters, standardError } = this.#clustered.estimate();
    // Nothing varied: t would claim certainty.
    if (this.#isBinary && standardError === 0) {
      const interval = wilsonInterval(this.#successes > 0 ? clusters : 0, clusters);
      return { interval, method: "wilson over clusters, all of which agree" };
    }
    const interval = this.#clustered.interval();
    const method = "t, standard error over clusters";
    if (interval === undefined || !this.#isBinary) return { interval, method };
    return { interval: { ...interval, low: Math.max(0, interval.low), high: Math.min(1, interval.high) }, method };
  }
}
