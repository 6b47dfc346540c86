// What the simulated engine is: its costs, sizes and weaknesses. One step computes one batch; its duration is linear in what
// is in it, which is how a GPU engine with continuous batching behaves while it is not limited by something else.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";

/**
 * Milliseconds of one step: step + sequence · sequences + prefillToken · prompt tokens + context100k · context tokens ÷ 100 000
 * + prompt · prompts that begin in it.
 */
export interface StepCost {
  stepMs: number;
  sequenceMs: number;
  prefillTokenMs: number;
  context100kMs: number;
  promptMs: number;
}

/** What one step computes. */
export interface StepLoad {
  sequences: number;
  /** Tokens of prompts, and of answers that are computed again after a preemption. */
  prefillTokens: number;
  /** Tokens whose state the step's sequences hold when it begins. */
  contextTokens: number;
  /** Requests whose first step it is. */
  prompts: number;
}

export interface SimulationParameters {
  cost: StepCost;
  /** Before a request can be chosen: one request after the other, beside the steps. */
  tokeniseMs: number;
  tokeniseTokenMs: number;
  /** Added to the step for every token it draws. */
  serialiseTokenMs: number;
  /** No step begins for so long after a request ended: its caller does not wait for it, the next one may. */
  cleanUpMs: number;
  /** Tokens of one step: decoding sequences take one each, prompts share the rest. */
  stepTokens: number;
  /** Steps that begin before a request that came during one is taken in; 0 takes it into the next. */
  joinDelaySteps: number;
  /** Sequences that run at the same time; at most stepTokens. */
  slots: number;
  /** Requests that may wait for a slot; one more is refused. */
  maxQueued: number;
  kvBlocks: number;
  kvBlockTokens: number;
  /** No step begins earlier. */
  coldStartMs: number;
  /** Standard deviation of the logarithm of the step time as it drifts; 0 is a steady engine. */
  driftSd: number;
  /** Time over which the drift forgets where it was. */
  driftTimeMs: number;
  /** Mean computing time between two stalls (garbage collection, a neighbour on the core); 0 is none. */
  stallEveryMs: number;
  /** Mean length of a stall, exponentially distributed. */
  stallMs: number;
  /** Share of requests that fail before their first token. */
  failureShare: number;
  /** Share of requests that break off after one token at least. */
  disconnectShare: number;
}

/**
 * An 8-billion-parameter model on one large GPU, in round numbers: 6 ms to read the weights, 8000 prompt tokens per second,
 * 0.35 ms per sequence, 4 ms to read the state of 100 000 tokens (128 KiB each).
 */
export const DEFAULT_PARAMETERS: SimulationParameters = {
  cost: { stepMs: 6, sequenceMs: 0.35, prefillTokenMs: 0.125, context100kMs: 4, promptMs: 0 },
  tokeniseMs: 0.1,
  tokeniseTokenMs: 0.001,
  serialiseTokenMs: 0.01,
  cleanUpMs: 0,
  stepTokens: 2048,
  joinDelaySteps: 0,
  slots: 64,
  maxQueued: 256,
  kvBlocks: 32_768,
  kvBlockTokens: 16,
  coldStartMs: 0,
  driftSd: 0,
  driftTimeMs: 60_000,
  stallEveryMs: 0,
  stallMs: 0,
  failureShare: 0,
  disconnectShare: 0,
};

export const TOKENS_PER_CONTEXT_UNIT = 1e5;

/** The formula of StepCost. */
export function stepDurationMs(cost: StepCost, load: StepLoad): number {
  return (
    cost.stepMs +
    cost.sequenceMs * load.sequences +
    cost.prefillTokenMs * load.prefillTokens +
    (cost.context100kMs * load.contextTokens) / TOKENS_PER_CONTEXT_UNIT +
    cost.promptMs * load.prompts
  );
}

/** Throws InvalidRequestError for what no engine can be. */
export function checkParameters(parameters: SimulationParameters): void {
  const { cost, kvBlocks, kvBlockTokens, stepTokens, slots, failureShare, disconnectShare } = parameters;
  const violations: FieldViolation[] = [];
  const check = (isGood: boolean, field: string, description: string) => {
    if (!isGood) violations.push({ field, description });
  };
  for (const [field, value] of Object.entries(cost)) {
    check(value >= 0 && Number.isFinite(value), field, `is ${value}; it must be 0 or more`);
  }
  for (const [field, value] of Object.entries({ kvBlocks, kvBlockTokens, stepTokens, slots })) {
    check(Number.isInteger(value) && value >= 1, field, `is ${value}; it must be a whole number, 1 or more`);
  }
  // Otherwise a full step of answers would leave some out, and which ones would be chance.
  check(slots <= stepTokens, "slots", `is ${slots}; a step of ${stepTokens} tokens has no room for more sequences`);
  const share = failureShare + disconnectShare;
  const isShare = failureShare >= 0 && disconnectShare >= 0 && share <= 1;
  check(isShare, "failureShare", `and disconnectShare make ${share}; together they must be 0 to 1`);
  if (violations.length > 0) throw new InvalidRequestError(violations);
}
