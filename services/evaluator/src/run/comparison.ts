// Two configurations on the same items: the differences item by item, their intervals, and what may be said of them.
import { setImmediate as nextTurn } from "node:timers/promises";
import { quantile, seededRandom } from "@chimera/kernel";
import {
  type Cell,
  ConfidenceSequence,
  cellScores,
  mcnemarExact,
  pairedDifference,
  pairsNeeded,
} from "@chimera/statistics";
import { type Estimate, estimateOf, meanOf, RESAMPLES, SEED } from "./figures.ts";
import type { Outcome, Row } from "./outcome.ts";

export interface Pair {
  baseline: Row;
  candidate: Row;
  cluster: string;
}

export interface Comparison {
  pairs: number;
  /** Candidate minus baseline. */
  accuracyDifference: Estimate;
  macroF1Difference: Estimate | undefined;
  onlyBaselineRight: number;
  onlyCandidateRight: number;
  mcnemarP: number;
  /** Candidate over baseline; undefined where no pair has both. */
  ttftRatio: Estimate | undefined;
  stoppedAt: number;
  verdict: "better" | "worse" | "not told apart";
  text: string;
  pairsFor1pp: number;
}

/** Rows drawn between two turns of the event loop. */
const ROWS_PER_TURN = 50_000;
/** The sequence is tightest here, unless the run is shorter. */
const TUNED_TO_PAIRS = 1000;

/**
 * Looks at every pair as it is complete. Only the first pair of a cluster counts: the sequence supposes that they are
 * independent.
 */
export class EarlyStop {
  readonly #sequence: ConfidenceSequence;
  readonly #clusters = new Set<string>();
  #decidedAt = 0;

  constructor(level: number, pairs: number) {
    this.#sequence = new ConfidenceSequence({
      alpha: 1 - level,
      tunedToN: Math.max(2, Math.min(TUNED_TO_PAIRS, pairs)),
    });
  }

  add({ baseline, candidate, cluster }: Pair): void {
    if (this.#decidedAt > 0 || this.#clusters.has(cluster)) return;
    this.#clusters.add(cluster);
    this.#sequence.add(rightness(candidate) - rightness(baseline));
    const { low, high } = this.#sequence.interval();
    if (low > 0 || high < 0) this.#decidedAt = this.#sequence.n;
  }

  /** Pairs that were enough; 0 while nothing is decided. */
  get decidedAt(): number {
    return this.#decidedAt;
  }

  /** Holds however often was looked; undefined below 100 pairs. */
  estimate(): Estimate | undefined {
    const { low, high, level } = this.#sequence.interval();
    if (!Number.isFinite(low)) return undefined;
    const method = `asymptotic confidence sequence at ${level}, ${this.#sequence.n} pairs, one per cluster`;
    return { value: this.#sequence.mean, low, high, method };
  }
}

/** In the order of the questions; what only one side was asked is left out. */
export function pairsOf(baseline: Outcome, candidate: Outcome): Pair[] {
  const others = new Map(candidate.rows().map((row) => [row.pair, row]));
  return baseline.rows().flatMap((row) => {
    const other = others.get(row.pair);
    return other === undefined ? [] : [{ baseline: row, candidate: other, cluster: row.cluster }];
  });
}

export interface ComparisonOptions {
  hasClasses: boolean;
  early: EarlyStop | undefined;
}

export async function compare(pairs: readonly Pair[], { hasClasses, early }: ComparisonOptions): Promise<Comparison> {
  const paired = pairedDifference(
    pairs.map(({ baseline, candidate, cluster }) => ({
      first: rightness(baseline),
      second: rightness(candidate),
      cluster,
    })),
  );
  const fixed = estimateOf(paired.difference, paired.interval, "paired t, standard error over clusters");
  const accuracyDifference = early?.estimate() ?? fixed;
  const onlyBaselineRight = pairs.filter(({ baseline, candidate }) => baseline.correct && !candidate.correct).length;
  const onlyCandidateRight = pairs.filter(({ baseline, candidate }) => !baseline.correct && candidate.correct).length;
  const variance = paired.standardError ** 2 * paired.n;
  const pairsFor1pp = Number.isFinite(variance) ? pairsNeeded({ difference: 0.01, variance }) : 0;
  const verdict = verdictOf(accuracyDifference);
  return {
    pairs: pairs.length,
    accuracyDifference,
    macroF1Difference: hasClasses ? await macroF1Difference(pairs) : undefined,
    onlyBaselineRight,
    onlyCandidateRight,
    mcnemarP: mcnemarExact({ onlyFirst: onlyBaselineRight, onlySecond: onlyCandidateRight }),
    ttftRatio: ttftRatio(pairs),
    stoppedAt: early?.decidedAt ?? 0,
    verdict,
    text: textOf({ verdict, difference: accuracyDifference, pairs: pairs.length, pairsFor1pp }),
    pairsFor1pp,
  };
}

function rightness({ correct }: Row): number {
  return correct ? 1 : 0;
}

function verdictOf({ low, high, method }: Estimate): Comparison["verdict"] {
  if (method.startsWith("no interval")) return "not told apart";
  if (low > 0) return "better";
  return high < 0 ? "worse" : "not told apart";
}

function textOf(of: { verdict: string; difference: Estimate; pairs: number; pairsFor1pp: number }): string {
  const { value, low, high } = of.difference;
  const points = (share: number) => `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)}`;
  const measured = `accuracy ${points(value)} percentage points [${points(low)}, ${points(high)}] over ${of.pairs} pairs`;
  if (of.verdict !== "not told apart") return `The candidate is ${of.verdict}: ${measured}; the interval excludes 0.`;
  const needed = of.pairsFor1pp > of.pairs ? ` A difference of 1 point would need about ${of.pairsFor1pp} pairs.` : "";
  return `The two are not told apart: ${measured}; the interval holds 0.${needed}`;
}

/** Geometric mean of the ratios of pairs: what one very slow answer can not turn. */
function ttftRatio(pairs: readonly Pair[]): Estimate | undefined {
  const logs = pairs.flatMap(({ baseline, candidate, cluster }) => {
    const ratio = (candidate.ttftMs ?? 0) / (baseline.ttftMs ?? 0);
    return ratio > 0 && Number.isFinite(ratio) ? [{ log: Math.log(ratio), cluster }] : [];
  });
  if (logs.length === 0) return undefined;
  const mean = meanOf(logs, ({ log }) => log);
  const { value, low, high } = mean;
  const method = `geometric mean of paired ratios, ${mean.method}`;
  return { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high), method };
}

/** Paired bootstrap over clusters: both sides are resampled together. */
async function macroF1Difference(pairs: readonly Pair[]): Promise<Estimate | undefined> {
  if (pairs.length === 0) return undefined;
  const baseline = new Cells(pairs.map((pair) => pair.baseline));
  const candidate = new Cells(pairs.map((pair) => pair.candidate));
  const clusters = [...Map.groupBy(pairs.keys(), (at) => pairs[at]?.cluster ?? "").values()];
  const differenceOf = (drawn: readonly (readonly number[])[]) => candidate.macroF1(drawn) - baseline.macroF1(drawn);
  const value = differenceOf(clusters);
  const random = seededRandom(SEED);
  const differences = new Float64Array(RESAMPLES);
  let rows = 0;
  for (let resample = 0; resample < RESAMPLES; resample++) {
    differences[resample] = differenceOf(clusters.map(() => clusters[Math.floor(random() * clusters.length)] ?? []));
    rows += pairs.length;
    if (rows < ROWS_PER_TURN) continue;
    rows = 0;
    await nextTurn();
  }
  differences.sort();
  const interval =
    clusters.length < 2 ? undefined : { low: quantile(differences, 0.025), high: quantile(differences, 0.975) };
  const method = `paired bootstrap over clusters, percentile, ${RESAMPLES} resamples, seed ${SEED}`;
  return estimateOf(value, interval, method);
}

/** Which cell of the confusion matrix each row is in, so that a resample only counts. */
class Cells {
  readonly #cells: Omit<Cell, "count">[] = [];
  readonly #cellOf: Uint32Array;

  constructor(rows: readonly Row[]) {
    const known = new Map<string, number>();
    this.#cellOf = Uint32Array.from(rows, ({ target, predicted }) => {
      const key = JSON.stringify([target, predicted]);
      const found = known.get(key);
      if (found !== undefined) return found;
      known.set(key, this.#cells.length);
      return this.#cells.push({ target, predicted }) - 1;
    });
  }

  /** Of whole clusters, each the places of its rows. */
  macroF1(drawn: readonly (readonly number[])[]): number {
    const counts = new Float64Array(this.#cells.length);
    for (const members of drawn) {
      for (const at of members) {
        const cell = this.#cellOf[at] ?? 0;
        counts[cell] = (counts[cell] ?? 0) + 1;
      }
    }
    return cellScores(this.#cells.map((cell, i) => ({ ...cell, count: counts[i] ?? 0 }))).macroF1;
  }
}
