// Evaluate: a labelled data set through the router, progress and then the figures.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type EvaluateRequest, type EvaluateResponse, EvaluateResponseSchema } from "@chimera/contracts/evaluator";
import { ScoreRecordedSchema } from "@chimera/contracts/events";
import { InvalidRequestError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { promptPlan } from "../prompt/prompt.ts";
import type { UnitResult } from "../queue/queue.ts";
import { conduct, type RunEvent } from "../run/coordinator.ts";
import { figuresOf } from "../run/figures.ts";
import { concurrencyOf, type OpenRun, openRun, type RunRequest } from "../run/open-run.ts";
import { Outcome } from "../run/outcome.ts";
import { isRight } from "../run/scoring.ts";
import { toItem, toProgress, toResult } from "./messages.ts";

const MAX_REPEATS = 16;
const MAX_PARAMETERS_CHARACTERS = 65_536;
/** Events of one id are stored once within ten minutes; an older score has been published by whoever had the run then. */
const PUBLISHED_AGAIN_MS = 9 * 60_000;

export function evaluate(context: Context) {
  return async function* (
    request: EvaluateRequest,
    rpc: Pick<HandlerContext, "signal">,
  ): AsyncGenerator<EvaluateResponse, void, undefined> {
    const wanted = readRequest(request);
    const concurrency = concurrencyOf(request);
    using _ = context.slots.take();
    const startedMs = context.clock.monotonicMs();
    const run = await openRun(context, wanted);
    const { runId, name, plan } = run;
    context.logger.info({ runId, ...name, questions: plan.total }, "evaluation starts");
    const outcome = new Outcome();
    const onResult = (result: UnitResult, storedAtMs: number) => {
      const correct = isRight(result, run.scoring);
      outcome.add(result, { pair: result.unit, correct });
      publishScore(context, run, { result, correct, storedAtMs });
    };
    const events = conduct({ claim: run.claim, plan, concurrency, onResult, clock: context.clock, signal: rpc.signal });
    for await (const event of events) {
      if (event.kind === "progress" || request.sendItems) yield toResponse(event, runId);
    }
    await run.look.settle(outcome.modelVersion);
    const figures = await figuresOf(outcome, { hasClasses: run.scoring.classes.length > 0 });
    const scores = outcome.rows().map(({ correct }) => (correct ? 1 : 0));
    context.evaluated.note({ ...name, settings: JSON.stringify(wanted.arms), scores });
    const wallMs = context.clock.monotonicMs() - startedMs;
    const ended = { runId, n: figures.n, failed: figures.failed, accuracy: figures.accuracy.value, wallMs };
    if (figures.failed > 0)
      context.logger.warn({ ...ended, failures: figures.failures }, "evaluation ended with failed items");
    else context.logger.info(ended, "evaluation ended");
    const result = toResult(figures, { ...name, runId, datasetHash: run.datasetHash, wallMs });
    yield create(EvaluateResponseSchema, { event: { case: "result", value: result } });
  };
}

function readRequest(request: EvaluateRequest): RunRequest {
  const { dataset, split, limit, model, sampling, runId, repeats, useCache, scorers } = request;
  if (repeats > MAX_REPEATS) {
    throw new InvalidRequestError([{ field: "repeats", description: `at most ${MAX_REPEATS}` }]);
  }
  const prompt = promptPlan(request.prompt, "prompt");
  const parameters = parametersOf(request.scorerParameters);
  const arms = [{ name: "", model, sampling, prompt, useCache }];
  return { kind: "evaluate", dataset, split, limit, runId, repeats: repeats || 1, scorers, parameters, arms };
}

/** Throws InvalidRequestError. */
function parametersOf(given: EvaluateRequest["scorerParameters"]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, json]) => [name, objectOf(name, json)]));
}

function objectOf(name: string, json: string): object {
  try {
    const value: unknown = json.length > MAX_PARAMETERS_CHARACTERS ? undefined : JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below, as everything else that is no JSON object.
  }
  const description = `a JSON object of at most ${MAX_PARAMETERS_CHARACTERS} characters`;
  throw new InvalidRequestError([{ field: `scorer_parameters.${name}`, description }]);
}

function toResponse(event: RunEvent, runId: string): EvaluateResponse {
  if (event.kind === "item") {
    return create(EvaluateResponseSchema, { event: { case: "item", value: toItem(event.result) } });
  }
  return create(EvaluateResponseSchema, { event: { case: "progress", value: toProgress(event.progress, runId) } });
}

interface Scored {
  result: UnitResult;
  correct: boolean;
  storedAtMs: number;
}

/** Once per item: repeats would count it several times. Free texts have no labels that an event could carry. */
function publishScore(
  context: Context,
  { runId, name, scoring }: OpenRun,
  { result, correct, storedAtMs }: Scored,
): void {
  if (result.repeat > 0 || scoring.classes.length === 0) return;
  if (context.clock.nowMs() - storedAtMs > PUBLISHED_AGAIN_MS) return;
  const { itemId, tenant, model, modelVersion, predicted, target } = result;
  const message = create(ScoreRecordedSchema, {
    subjectId: itemId,
    source: "dataset",
    tenant,
    model,
    modelVersion,
    predicted,
    target,
    correct,
    at: timestampFromMs(storedAtMs),
    ...name,
    runId,
  });
  context.bus.publish({ kind: "scoreRecorded", message }, `score.${runId}.${itemId}`);
}
