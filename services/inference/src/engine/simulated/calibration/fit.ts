// Finds the costs of an engine from what it did. Durations are linear in the steps a request took part in, but spans do not say
// which: so the recording is replayed, its steps give the equations, least squares gives the costs, and these give better
// steps, until both agree.
import { type SimulationParameters, type StepCost, TOKENS_PER_CONTEXT_UNIT } from "../parameters.ts";
import type { Sequence, Work } from "../sequence.ts";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import { parametersFor, type Replayed, reconstruct } from "./replay.ts";
import type { SpanRow } from "./rows.ts";

export type FittedCosts = Pick<SimulationParameters, "cost" | "tokeniseMs" | "tokeniseTokenMs">;

export interface Fit extends FittedCosts {
  rounds: number;
  /** Whether the last round changed nothing any more. */
  hasConverged: boolean;
  equations: number;
  /** Median of |measured ÷ predicted − 1| over the equations. */
  relativeError: number;
}

/** Shares of a token's time that are the step itself: the steps depend on the costs, and one start may end in the wrong ones. */
const FIRST_GUESSES = [1, 0.7, 0.4];
const MAX_ROUNDS = 40;
/** In short contexts the context's cost looks like the sequence's: it is believed only where it explains something. */
const NEGLIGIBLE = 1.02;
const CONVERGED = 1e-9;
const COSTS = ["stepMs", "sequenceMs", "prefillTokenMs", "context100kMs", "promptMs"] as const;
type Cost = (typeof COSTS)[number];
/** Half-value of the weights: the 95 % efficient one for normal errors, whose median is 0.6745 deviations. */
const CAUCHY_SCALE = 2.385 / 0.6745;
/** Idle arrivals needed before the time ahead of the first step is believed. */
const MIN_IDLE_ROWS = 10;

/** `recordings`: each with a clock of its own. The sizes of `base` are kept, its costs are not looked at. */
export function fitCosts(recordings: readonly (readonly SpanRow[])[], base: SimulationParameters): Fit {
  const tokenise = fitTokenise(recordings.flatMap(idleRows));
  const start = (stepShare: number) => ({ ...tokenise, cost: firstGuess(recordings.flat(), stepShare) });
  const bestOf = (costs: readonly Cost[]) =>
    FIRST_GUESSES.map((share) => iterate({ recordings, base, costs }, start(share))).reduce(better);
  const [full, plain] = [bestOf(COSTS), bestOf(COSTS.filter((cost) => cost !== "context100kMs"))];
  return plain.relativeError <= full.relativeError * NEGLIGIBLE ? plain : full;
}

const better = (a: Fit, b: Fit) => (b.relativeError < a.relativeError ? b : a);

interface Problem {
  recordings: readonly (readonly SpanRow[])[];
  base: SimulationParameters;
  /** The ones to find; the others are 0. */
  costs: readonly Cost[];
}

function iterate({ recordings, base, costs }: Problem, start: FittedCosts): Fit {
  let fit: Fit = { ...start, rounds: 0, hasConverged: false, equations: 0, relativeError: Number.POSITIVE_INFINITY };
  let best = fit;
  while (!fit.hasConverged && fit.rounds < MAX_ROUNDS) {
    const steps = recordings.flatMap((rows) => reconstruct(rows, parametersFor(rows, base, fit)));
    const equations = steps.flatMap(equationsOf);
    const next = solve(equations, costs, fit.cost);
    fit = {
      ...fit,
      cost: next,
      rounds: fit.rounds + 1,
      hasConverged: isClose(fit.cost, next),
      equations: equations.length,
      relativeError: median(relativeErrors(equations, next)),
    };
    if (fit.relativeError < best.relativeError || fit.hasConverged) best = fit;
  }
  return { ...best, rounds: fit.rounds };
}

/** A token takes a step and its own part of it; what prompts take longer is their tokens. */
function firstGuess(rows: readonly SpanRow[], stepShare: number): StepCost {
  const answers = rows.filter((row) => row.completion_tokens > 1);
  const perToken = answers.map((row) => (row.total_ms - row.first_token_ms) / (row.completion_tokens - 1));
  const tokenMs = median(perToken.length > 0 ? perToken : rows.map((row) => row.prefill_ms / 2));
  const perPromptToken = rows.map(
    (row) => (row.prefill_ms - tokenMs) / Math.max(1, row.prompt_tokens - row.cached_tokens),
  );
  return {
    stepMs: tokenMs * stepShare,
    sequenceMs: (tokenMs * (1 - stepShare)) / 2,
    prefillTokenMs: Math.max(0, median(perPromptToken)),
    context100kMs: 0,
    promptMs: 0,
  };
}

interface Equation {
  /** What the costs are multiplied with. */
  terms: Record<Cost, number>;
  ms: number;
}

function equationsOf({ row, sequence }: Replayed): Equation[] {
  const { workAtAdmission, workAtFirstToken, workAtEnd } = sequence;
  if (!workAtAdmission || !workAtFirstToken || !workAtEnd) return [];
  const prompt = {
    terms: between(workAtAdmission, workAtFirstToken),
    ms: row.arrived_ms + row.first_token_ms - startMsOf(row, sequence),
  };
  const answer = { terms: between(workAtFirstToken, workAtEnd), ms: row.total_ms - row.first_token_ms };
  return [prompt, answer].filter(({ ms, terms }) => ms > 0 && terms.stepMs > 0);
}

/**
 * When its first step began. An engine that gives a slot at once says nothing about the rest of the step that runs then, and has
 * it in its prompt time; the reconstruction knows it.
 */
function startMsOf(row: SpanRow, { readyMs, admittedMs, stepRemainderMs }: Sequence): number {
  const chosenMs = row.arrived_ms + row.queue_ms;
  const waitedForSlot = admittedMs - readyMs > stepRemainderMs * (1 + 1e-9) + 1e-9;
  return waitedForSlot ? chosenMs : Math.max(chosenMs, admittedMs);
}

function between(from: Work, to: Work): Equation["terms"] {
  return {
    stepMs: to.steps - from.steps,
    sequenceMs: to.sequences - from.sequences,
    prefillTokenMs: to.prefillTokens - from.prefillTokens,
    context100kMs: (to.contextTokens - from.contextTokens) / TOKENS_PER_CONTEXT_UNIT,
    promptMs: to.prompts - from.prompts,
  };
}

/**
 * Relative errors count: 1 ms matters where a step takes 1 ms. Equations that the costs before this explain badly, because their
 * steps are not the right ones or because the engine stalled, count less (Cauchy weights).
 */
function solve(equations: readonly Equation[], costs: readonly Cost[], before: StepCost): StepCost {
  const errors = relativeErrors(equations, before);
  const scale = CAUCHY_SCALE * median(errors) + Number.EPSILON;
  const weights = equations.map(
    (equation, i) => 1 / (predictedMs(equation, before) * Math.sqrt(1 + ((errors[i] ?? 0) / scale) ** 2)),
  );
  const beta = nonNegativeLeastSquares(
    equations.map(({ terms }, i) => costs.map((cost) => terms[cost] * (weights[i] ?? 0))),
    equations.map(({ ms }, i) => ms * (weights[i] ?? 0)),
  );
  return costOf((cost) => beta[costs.indexOf(cost)] ?? 0);
}

function costOf(value: (cost: Cost) => number): StepCost {
  return {
    stepMs: value("stepMs"),
    sequenceMs: value("sequenceMs"),
    prefillTokenMs: value("prefillTokenMs"),
    context100kMs: value("context100kMs"),
    promptMs: value("promptMs"),
  };
}

function predictedMs({ terms }: Equation, cost: StepCost): number {
  return COSTS.reduce((sum, key) => sum + terms[key] * cost[key], 0);
}

function relativeErrors(equations: readonly Equation[], cost: StepCost): number[] {
  return equations.map((equation) => Math.abs(equation.ms / predictedMs(equation, cost) - 1));
}

function isClose(a: StepCost, b: StepCost): boolean {
  return COSTS.every((key) => Math.abs(a[key] - b[key]) <= CONVERGED * Math.max(a[key], b[key], 1e-6));
}

/** Rows that came when nothing else was there: their queue time is preparation alone. */
function idleRows(rows: readonly SpanRow[]): SpanRow[] {
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  return rows.filter((row) => {
    const isIdle = row.arrived_ms > busyUntilMs;
    busyUntilMs = Math.max(busyUntilMs, row.arrived_ms + row.total_ms);
    return isIdle;
  });
}

function fitTokenise(rows: readonly SpanRow[]): Pick<FittedCosts, "tokeniseMs" | "tokeniseTokenMs"> {
  if (rows.length < MIN_IDLE_ROWS) return { tokeniseMs: 0, tokeniseTokenMs: 0 };
  const [tokeniseMs = 0, tokeniseTokenMs = 0] = nonNegativeLeastSquares(
    rows.map((row) => [1, row.prompt_tokens]),
    rows.map((row) => row.queue_ms),
  );
  return { tokeniseMs, tokeniseTokenMs };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
