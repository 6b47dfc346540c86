// How well replayed times agree with recorded ones.
import { quantile } from "@chimera/kernel";
import type { SimulationParameters } from "../parameters.ts";
import { replay } from "./replay.ts";
import type { SpanRow } from "./rows.ts";

const MS_PER_S = 1000;
const BIAS_PERCENTS = [10, 25, 50, 75, 90, 95, 99] as const;
/** Replays with different chance: one alone would be as lucky as the recording was. */
const REPLAYS = 10;

export interface Agreement {
  n: number;
  /** Mean of |predicted − recorded| ÷ recorded; a request's prediction is the median of its replays. */
  mape: number;
  /** Spearman's rank correlation of the same. */
  rankCorrelation: number;
  /** (predicted − recorded) ÷ recorded of each percentile, all replays together. */
  bias: Record<string, number>;
}

export interface Fidelity {
  ttft: Agreement;
  total: Agreement;
}

/** Of the rows from `from` on; all of them are replayed, so that these meet the load they met. */
export function fidelity(rows: readonly SpanRow[], parameters: SimulationParameters, from = 0): Fidelity {
  const replays = replaysOf(rows, parameters);
  const compared = rows.slice(from);
  const times = (pick: (times: Times) => number[]) => replays.map((each) => pick(each).slice(from));
  return {
    ttft: agreement(
      times((each) => each.ttftMs),
      compared.map((row) => row.first_token_ms),
    ),
    total: agreement(
      times((each) => each.totalMs),
      compared.map((row) => row.total_ms),
    ),
  };
}

export interface SimulatorError {
  n: number;
  /** (predicted − recorded) ÷ recorded. */
  ttftP50: number;
  ttftP95: number;
  rps: number;
  /** Largest of them without sign. */
  largest: number;
}

/** For a load that nothing was fitted to: the same arrivals through the step loop. */
export function simulatorError(rows: readonly SpanRow[], parameters: SimulationParameters): SimulatorError {
  const replays = replaysOf(rows, parameters);
  const predictedMs = sorted(replays.flatMap(({ ttftMs }) => ttftMs));
  const recordedMs = sorted(rows.map((row) => row.first_token_ms));
  const rps = mean(replays.map(({ totalMs }) => requestsPerS(rows, totalMs)));
  const recordedRps = requestsPerS(
    rows,
    rows.map((row) => row.total_ms),
  );
  const errors = {
    ttftP50: quantile(predictedMs, 0.5) / quantile(recordedMs, 0.5) - 1,
    ttftP95: quantile(predictedMs, 0.95) / quantile(recordedMs, 0.95) - 1,
    rps: rps / recordedRps - 1,
  };
  return { n: rows.length, ...errors, largest: Math.max(...Object.values(errors).map(Math.abs)) };
}

/** In order of the rows. */
interface Times {
  ttftMs: number[];
  totalMs: number[];
}

function replaysOf(rows: readonly SpanRow[], parameters: SimulationParameters): Times[] {
  return Array.from({ length: REPLAYS }, (_, index) => {
    const replayed = replay(rows, parameters, index + 1);
    return {
      ttftMs: replayed.map(({ sequence }) => sequence.firstTokenMs - sequence.arrivedMs),
      totalMs: replayed.map(({ sequence }) => sequence.endedMs - sequence.arrivedMs),
    };
  });
}

/** Answers over the time from the first arrival to the last answer. */
function requestsPerS(rows: readonly SpanRow[], totalMs: readonly number[]): number {
  const lastMs = rows.reduce((last, row, index) => Math.max(last, row.arrived_ms + (totalMs[index] ?? 0)), 0);
  return (rows.length * MS_PER_S) / (lastMs - (rows[0]?.arrived_ms ?? 0));
}

function agreement(replays: readonly (readonly number[])[], recorded: readonly number[]): Agreement {
  const predicted = recorded.map((_, index) =>
    quantile(sorted(replays.map((times) => times[index] ?? Number.NaN)), 0.5),
  );
  const errors = predicted.map((value, index) => Math.abs(value / (recorded[index] ?? Number.NaN) - 1));
  const [byPrediction, byRecord] = [sorted(replays.flat()), sorted(recorded)];
  const biasAt = (percent: number) => quantile(byPrediction, percent / 100) / quantile(byRecord, percent / 100) - 1;
  return {
    n: recorded.length,
    mape: mean(errors),
    rankCorrelation: rankCorrelation(predicted, recorded),
    bias: Object.fromEntries(BIAS_PERCENTS.map((percent) => [`p${percent}`, biasAt(percent)])),
  };
}

/** Spearman 1904: Pearson's correlation of ranks, equal values sharing the mean of theirs. NaN where one side is constant. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [ranksA, ranksB] = [ranks(a), ranks(b)];
  const centre = mean(ranksA);
  let [product, squareA, squareB] = [0, 0, 0];
  ranksA.forEach((rank, index) => {
    const [x, y] = [rank - centre, (ranksB[index] ?? 0) - centre];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  });
  return product / Math.sqrt(squareA * squareB);
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (order[to + 1]?.value === order[from]?.value) to++;
    for (let i = from; i <= to; i++) result[order[i]?.index ?? 0] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return result;
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
