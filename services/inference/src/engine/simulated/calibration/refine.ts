// What least squares over steps can not see: an engine that stalls now and then, takes requests in late, or is busy with those
// that have ended. All of it is found by replaying freely and comparing how times are distributed.
import { quantile } from "@chimera/kernel";
import type { SimulationParameters, StepCost } from "../parameters.ts";
import type { FittedCosts } from "./fit.ts";
import { minimise } from "./nelder-mead.ts";
import { parametersFor, type Replayed, replay } from "./replay.ts";
import type { SpanRow } from "./rows.ts";

export interface Refined extends FittedCosts {
  stallEveryMs: number;
  stallMs: number;
  cleanUpMs: number;
  joinDelaySteps: number;
  /** Root mean square of ln(predicted ÷ recorded) over the compared percentiles. */
  error: number;
}

/** Of the first token and of the rest of the answer, in every recording. */
const COMPARED = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
const JOIN_DELAYS = [0, 1, 2];
const EVALUATIONS = 200;
/** With different chance: the costs must not be those of one run of luck. */
const REPLAYS = 4;
/** In logarithms: each cost is first tried 1.6 times as large. */
const FIRST_MOVE = 0.5;
/** What is 0 has no logarithm: a cost starts at this share of a step, and can shrink from there. */
const LEAST_SHARE = 0.05;

export function refine(
  recordings: readonly (readonly SpanRow[])[],
  base: SimulationParameters,
  fitted: FittedCosts,
): Refined {
  const error = distributionError(recordings, base);
  const start = startOf(recordings.flat(), fitted);
  const candidates = JOIN_DELAYS.map((joinDelaySteps): Refined => {
    const parametersAt = (at: readonly number[]) => ({ ...parametersOf(at, fitted), joinDelaySteps });
    const found = minimise((at) => error(parametersAt(at)), start, { step: FIRST_MOVE, evaluations: EVALUATIONS });
    return { ...parametersAt(found.at), error: found.value };
  });
  return candidates.reduce((best, each) => (each.error < best.error ? each : best));
}

/** How far the percentiles of free replays are off, as in Refined.error. */
export function distributionError(recordings: readonly (readonly SpanRow[])[], base: SimulationParameters) {
  const recorded = recordings.map((rows) => distribution(rows.map(recordedTimes)));
  return (parameters: Omit<Refined, "error">): number => {
    const squares = recordings.flatMap((rows, index) => {
      const known = parametersFor(rows, base, parameters);
      const replays = Array.from({ length: REPLAYS }, (_, seed) => replay(rows, known, seed + 1));
      const predicted = distribution(replays.flat().map(predictedTimes));
      return predicted.map((value, i) => Math.log(value / (recorded[index]?.[i] ?? Number.NaN)) ** 2);
    });
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
  };
}

/** Logarithms: of the costs, of stalls five tokens long every twenty tokens, and of a clean-up as long as a token. */
function startOf(rows: readonly SpanRow[], { cost }: FittedCosts): number[] {
  const tokenMs = cost.stepMs + cost.sequenceMs;
  const promptTokens = rows.reduce((sum, row) => sum + row.prompt_tokens, 0) / rows.length;
  const least = tokenMs * LEAST_SHARE;
  const costs = [
    Math.max(cost.stepMs, least),
    Math.max(cost.sequenceMs, least),
    Math.max(cost.prefillTokenMs, least / promptTokens),
    Math.max(cost.promptMs, least),
  ];
  return [...costs, 20 * tokenMs, 5 * tokenMs, tokenMs].map(Math.log);
}

function parametersOf(at: readonly number[], fitted: FittedCosts): Omit<Refined, "error" | "joinDelaySteps"> {
  const [stepMs = 0, sequenceMs = 0, prefillTokenMs = 0, promptMs = 0, stallEveryMs = 0, stallMs = 0, cleanUpMs = 0] =
    at.map(Math.exp);
  const cost: StepCost = { ...fitted.cost, stepMs, sequenceMs, prefillTokenMs, promptMs };
  return { ...fitted, cost, stallEveryMs, stallMs, cleanUpMs };
}

interface Times {
  firstMs: number;
  restMs: number;
}

const recordedTimes = (row: SpanRow): Times => ({
  firstMs: row.first_token_ms,
  restMs: row.total_ms - row.first_token_ms,
});

function predictedTimes({ sequence: { arrivedMs, firstTokenMs, endedMs } }: Replayed): Times {
  return { firstMs: firstTokenMs - arrivedMs, restMs: endedMs - firstTokenMs };
}

function distribution(times: readonly Times[]): number[] {
  const first = times.map(({ firstMs }) => firstMs).sort((a, b) => a - b);
  const rest = times.flatMap(({ restMs }) => (restMs > 0 ? [restMs] : [])).sort((a, b) => a - b);
  const lists = rest.length > 0 ? [first, rest] : [first];
  return lists.flatMap((list) => COMPARED.map((p) => quantile(list, p)));
}
