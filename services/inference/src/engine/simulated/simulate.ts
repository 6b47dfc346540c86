// A whole trace of arrivals through the step loop, without an engine around it: for routing policies, capacity curves and
// forecasts. Some ten thousand requests per second of computing.
import type { SimulationParameters } from "./parameters.ts";
import { type Job, type Outcome, Sequence } from "./sequence.ts";
import { type Refusal, StepLoop, type StepLoopOptions } from "./step-loop.ts";

export interface TraceRequest extends Job {
  /** From the start of the trace; not before the request in front of it. */
  arrivedMs: number;
}

export interface SimulatedRequest {
  /** Arrival to the first step it is part of, tokenising included. NaN for what was never reached, here and below. */
  queueMs: number;
  prefillMs: number;
  ttftMs: number;
  totalMs: number;
  cachedTokens: number;
  completionTokens: number;
  preemptions: number;
  outcome: Outcome | Refusal;
}

export interface SimulationResult {
  /** In order of the trace. */
  requests: SimulatedRequest[];
  steps: number;
  preemptions: number;
  /** Tokens computed again after a preemption. */
  recomputedTokens: number;
}

/** The same trace, parameters and seed give the same result. Throws InvalidRequestError for impossible parameters. */
export function simulate(
  trace: Iterable<TraceRequest>,
  parameters: SimulationParameters,
  seed: number,
): SimulationResult {
  const { loop, entries } = runTrace(trace, parameters, { seed });
  return {
    requests: entries.map((entry) => (entry instanceof Sequence ? resultOf(entry) : refused(entry))),
    steps: loop.work.steps,
    preemptions: loop.preemptions,
    recomputedTokens: loop.recomputedTokens,
  };
}

/** The same with the sequences themselves. */
export function runTrace(
  trace: Iterable<TraceRequest>,
  parameters: SimulationParameters,
  options: StepLoopOptions,
): { loop: StepLoop; entries: (Sequence | Refusal)[] } {
  const loop = new StepLoop(parameters, options);
  const entries: (Sequence | Refusal)[] = [];
  for (const request of trace) entries.push(loop.submit(request, request.arrivedMs));
  loop.advanceTo(Number.POSITIVE_INFINITY, { begins: true });
  return { loop, entries };
}

export function resultOf(sequence: Sequence): SimulatedRequest {
  const { arrivedMs, admittedMs, firstTokenMs, endedMs } = sequence;
  return {
    queueMs: admittedMs - arrivedMs,
    prefillMs: firstTokenMs - admittedMs,
    ttftMs: firstTokenMs - arrivedMs,
    totalMs: endedMs - arrivedMs,
    cachedTokens: sequence.cachedTokens,
    completionTokens: sequence.generatedTokens,
    preemptions: sequence.preemptions,
    outcome: sequence.outcome ?? "cancelled",
  };
}

function refused(outcome: Refusal): SimulatedRequest {
  const never = Number.NaN;
  return {
    queueMs: never,
    prefillMs: never,
    ttftMs: never,
    totalMs: never,
    cachedTokens: 0,
    completionTokens: 0,
    preemptions: 0,
    outcome,
  };
}
