// Evaluate: a labelled data set through the router, progress and then the figures.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  EstimateSchema,
  type EvaluateRequest,
  type EvaluateResponse,
  EvaluateResponseSchema,
} from "@chimera/contracts/evaluator";
import { ScoreRecordedSchema } from "@chimera/contracts/events";
import { InvalidRequestError } from "@chimera/kernel";
import { statusName } from "@chimera/rpc";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { type SplitName, splitFile, splitName } from "../dataset/catalogue.ts";
import { loadItems } from "../dataset/load.ts";
import { ask } from "../run/ask.ts";
import { type Estimate, type EvaluationEvent, evaluate as evaluateItems } from "../run/evaluate.ts";
import { newRunId } from "../run/run-id.ts";
import type { ItemScore } from "../run/score.ts";

const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 64;

export function evaluate(context: Context) {
  return async function* (
    request: EvaluateRequest,
    rpc: Pick<HandlerContext, "signal">,
  ): AsyncGenerator<EvaluateResponse, void, undefined> {
    const name = splitName(request.dataset, request.split);
    const concurrency = concurrencyOf(request);
    using _ = context.slots.take();
    const loaded = await loadItems(splitFile(name, context.datasetsDir), request.limit);
    const runId = newRunId(context.random);
    context.logger.info({ runId, ...name, items: loaded.items.length }, "evaluation starts");
    const { generate, random, clock } = context;
    const { model, sampling } = request;
    const events = evaluateItems({
      ...loaded,
      concurrency,
      ask: (item, signal) => ask({ generate, random, model, sampling, runId }, item, signal),
      onScore: (score) => publish(context, { runId, name, score }),
      clock,
      signal: rpc.signal,
    });
    for await (const event of events) {
      logResult(context, runId, event);
      yield toResponse(event, name);
    }
  };
}

function concurrencyOf({ concurrency }: EvaluateRequest): number {
  if (concurrency <= MAX_CONCURRENCY) return concurrency || DEFAULT_CONCURRENCY;
  throw new InvalidRequestError([{ field: "concurrency", description: `at most ${MAX_CONCURRENCY}` }]);
}

function publish(context: Context, { runId, name, score }: { runId: string; name: SplitName; score: ItemScore }): void {
  const { item, ...scored } = score;
  const message = create(ScoreRecordedSchema, {
    ...scored,
    subjectId: item.id,
    source: "dataset",
    tenant: item.tenant,
    at: timestampFromMs(context.clock.nowMs()),
    ...name,
    runId,
  });
  context.bus.publish({ kind: "scoreRecorded", message }, `score.${runId}.${item.id}`);
}

function logResult(context: Context, runId: string, event: EvaluationEvent): void {
  if (event.kind !== "result") return;
  const { n, failed, failures, accuracy, macroF1, wallMs } = event.result;
  const listed = failures.map(({ itemId, error }) => ({ itemId, kind: error.kind, message: error.message }));
  const figures = { runId, n, failed, accuracy: accuracy.value, macroF1: macroF1.value, wallMs };
  if (failed > 0) context.logger.warn({ ...figures, failures: listed }, "evaluation ended with failed items");
  else context.logger.info(figures, "evaluation ended");
}

function toResponse(event: EvaluationEvent, name: SplitName): EvaluateResponse {
  if (event.kind === "progress") {
    return create(EvaluateResponseSchema, { event: { case: "progress", value: event.progress } });
  }
  const { failures, accuracy, macroF1, microF1, classes, ...rest } = event.result;
  return create(EvaluateResponseSchema, {
    event: {
      case: "result",
      value: {
        ...rest,
        ...name,
        accuracy: toEstimate(accuracy),
        macroF1: toEstimate(macroF1),
        microF1: toEstimate(microF1),
        classes: [...classes],
        failures: failures.map(({ itemId, error }) => ({ itemId, status: statusName(error), message: error.message })),
      },
    },
  });
}

function toEstimate(estimate: Estimate) {
  return create(EstimateSchema, estimate);
}
