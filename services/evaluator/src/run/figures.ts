// The figures of one configuration, each with its interval. Items of a cluster count as one where the interval is made.
import { quantile, quantileInterval, seededRandom, wilsonInterval } from "@chimera/kernel";
import {
  BOOTSTRAP_INTERVAL,
  bootstrapScoresInTurns,
  type Cell,
  type CellScores,
  type ClassScore,
  ClusteredConfusion,
  ClusteredMean,
  ClusterSlots,
  Confusion,
  classify,
  type ScoreIntervals,
} from "@chimera/statistics";
import type { Failure, Outcome, Row } from "./outcome.ts";

export interface Estimate {
  value: number;
  /** 95 % interval. */
  low: number;
  high: number;
  method: string;
}

export interface Figures {
  n: number;
  failed: number;
  /** The first 20 of `failed`. */
  failures: readonly Failure[];
  clusters: number;
  accuracy: Estimate;
  /** Free texts have no classes. */
  macroF1: Estimate | undefined;
  microF1: Estimate | undefined;
  weightedF1: Estimate | undefined;
  mcc: Estimate | undefined;
  classes: readonly ClassScore[];
  confusion: readonly Cell[];
  scores: Readonly<Record<string, Estimate>>;
  ttftP50Ms: Estimate | undefined;
  ttftP95Ms: Estimate | undefined;
  tokensPerItem: number;
  scoredBy: Readonly<Record<string, number>>;
  /** What the router answered with; several names are joined by ", ". */
  model: string;
  modelVersion: string;
}

const MAX_LISTED_FAILURES = 20;
/** Pairs of labels told apart where there are clusters; with more there is no interval. */
const MAX_CELLS = 65_535;
export const RESAMPLES = 1000;
export const SEED = 1;

export interface FiguresOptions {
  /** Answers of a data set with labels fall into classes; free texts do not. */
  hasClasses: boolean;
}

export async function figuresOf(outcome: Outcome, { hasClasses }: FiguresOptions): Promise<Figures> {
  const rows = outcome.rows();
  const failures = rows.flatMap(({ failure }) => failure ?? []);
  const clusters = new Set(rows.map(({ cluster }) => cluster)).size;
  const isClustered = clusters < rows.length;
  const classed = hasClasses ? await classFigures(rows, isClustered) : undefined;
  return {
    n: rows.length,
    failed: failures.length,
    failures: failures.slice(0, MAX_LISTED_FAILURES),
    clusters,
    accuracy: shareOf(rows, isClustered),
    macroF1: classed?.estimate("macroF1"),
    microF1: classed?.estimate("microF1"),
    weightedF1: classed?.estimate("weightedF1"),
    mcc: classed?.estimate("mcc"),
    classes: classed?.classes ?? [],
    confusion: classed?.cells ?? [],
    scores: scoresOf(rows),
    ...ttftOf(rows),
    tokensPerItem: rows.reduce((sum, { tokens }) => sum + tokens, 0) / Math.max(1, rows.length),
    scoredBy: countsOf(rows.map(({ replica }) => replica)),
    model: outcome.model,
    modelVersion: outcome.modelVersion,
  };
}

function shareOf(rows: readonly Row[], isClustered: boolean): Estimate {
  const right = rows.filter(({ correct }) => correct).length;
  if (isClustered) return meanOf(rows, ({ correct }) => (correct ? 1 : 0));
  const { low, high } = wilsonInterval(right, rows.length);
  return { value: right / rows.length, low, high, method: "wilson" };
}

/** t of the mean, its standard error over clusters. */
export function meanOf<R extends Pick<Row, "cluster">>(rows: readonly R[], value: (row: R) => number): Estimate {
  const mean = new ClusteredMean(new ClusterSlots(Math.max(2, rows.length)));
  for (const row of rows) mean.add(value(row), row.cluster);
  return estimateOf(mean.estimate().mean, mean.interval(), "t, standard error over clusters");
}

/** Without an interval both ends are the value, and the method says so. */
export function estimateOf(
  value: number,
  interval: { low: number; high: number } | undefined,
  method: string,
): Estimate {
  if (interval === undefined) return { value, low: value, high: value, method: "no interval: too few items" };
  return { value, low: interval.low, high: interval.high, method };
}

async function classFigures(rows: readonly Row[], isClustered: boolean) {
  // Every row is at most one cell more, so none is given up.
  const confusion = new Confusion(Math.max(1, rows.length));
  for (const row of rows) confusion.add(row);
  const cells = confusion.cells();
  const scores = classify(confusion);
  const intervals = await intervalsOf(rows, cells, isClustered);
  const over = isClustered ? "over clusters, " : "";
  const method = `bootstrap, ${over}${BOOTSTRAP_INTERVAL}, ${RESAMPLES} resamples, seed ${SEED}`;
  return {
    cells,
    classes: scores.classes,
    estimate: (name: keyof CellScores) => estimateOf(scores[name], intervals?.[name], method),
  };
}

async function intervalsOf(
  rows: readonly Row[],
  cells: readonly Cell[],
  isClustered: boolean,
): Promise<ScoreIntervals | undefined> {
  const options = { resamples: RESAMPLES, random: seededRandom(SEED) };
  if (!isClustered) return rows.length === 0 ? undefined : bootstrapScoresInTurns(cells, options);
  const clustered = clusteredConfusion(rows);
  return clustered.clusters < 2 ? undefined : clustered.bootstrapInTurns(options);
}

/** Of all rows, however many clusters they are of. */
export function clusteredConfusion(rows: readonly Pick<Row, "cluster" | "target" | "predicted">[]): ClusteredConfusion {
  const size = Math.max(2, rows.length);
  const confusion = new ClusteredConfusion({ maxCells: Math.min(size, MAX_CELLS), slots: new ClusterSlots(size) });
  for (const row of rows) confusion.add(row, row.cluster);
  return confusion;
}

function scoresOf(rows: readonly Row[]): Record<string, Estimate> {
  const names = new Set(rows.flatMap(({ scores }) => Object.keys(scores)));
  // A judge that could not be read gives no grade: its mean is over those it gave, and their share stands beside it.
  const of = (name: string) => rows.filter(({ scores }) => Object.hasOwn(scores, name));
  return Object.fromEntries(
    [...names].sort().map((name) => [name, meanOf(of(name), ({ scores }) => scores[name] ?? 0)]),
  );
}

function ttftOf(rows: readonly Row[]): Pick<Figures, "ttftP50Ms" | "ttftP95Ms"> {
  const sorted = Float64Array.from(rows.flatMap(({ ttftMs }) => ttftMs ?? [])).sort();
  const at = (p: number) =>
    sorted.length === 0 ? undefined : estimateOf(quantile(sorted, p), quantileInterval(sorted, p), "order statistics");
  return { ttftP50Ms: at(0.5), ttftP95Ms: at(0.95) };
}

function countsOf(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]).sort());
}
