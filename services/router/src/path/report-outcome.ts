// Stage 6: what became of the request, to the span, the metrics and the event bus. Carries no answer, and no prompt unless its
// tenant turned that on: then in the event alone. The
// statistics heard of it when the outcome closed.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheOutcomeSchema } from "@chimera/contracts/common";
import { RequestFinishedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import { names } from "@chimera/telemetry";
import { type Span, trace } from "@opentelemetry/api";
import { CACHE_STATUS_NAMES, metricsOf } from "../measure/metrics.ts";
import type { FinishedOutcome } from "../measure/outcome.ts";
import type { Stats } from "../measure/stats.ts";

export interface ReportContext {
  config: { name: string };
  stats: Stats;
  events: Pick<EventBus, "publish">;
  newId(): string;
}

/** `span` is that of the request; the active one where none is given. */
export function reportOutcome(context: ReportContext, outcome: FinishedOutcome, span = trace.getActiveSpan()): void {
  if (span?.isRecording()) annotate(span, outcome);
  metricsOf(context.stats)?.finished(outcome);
  const message = create(RequestFinishedSchema, {
    requestId: outcome.requestId,
    tenant: outcome.tenant,
    model: outcome.model,
    modelVersion: outcome.modelVersion,
    door: outcome.door,
    servedBy: outcome.servedBy,
    cache: create(CacheOutcomeSchema, outcome.cache),
    status: outcome.status,
    arrivedAt: timestampFromMs(outcome.arrivedAtEpochMs),
    turnMs: outcome.turnMs,
    router: context.config.name,
    workload: outcome.workload,
    queueMs: outcome.queueMs ?? 0,
    attempts: outcome.attempts,
    resumptions: outcome.resumptions,
    class: outcome.requestClass,
    refusal: outcome.refusal,
    cacheKey: outcome.cacheKey,
    settingsVersion: outcome.settingsVersion,
    arm: outcome.arm,
    ...(outcome.loggedInput && { loggedInput: outcome.loggedInput }),
    ...(outcome.cacheKey && outcome.cacheControl && { cacheControl: outcome.cacheControl }),
    ...(outcome.ttftMs !== undefined && { ttftMs: outcome.ttftMs }),
    ...(outcome.usage && { usage: outcome.usage }),
    ...(outcome.engine && { engine: outcome.engine }),
  });
  // The request id is the caller's to choose, so it can not be what makes the event unique.
  context.events.publish({ kind: "requestFinished", message }, `${outcome.requestId}/${context.newId()}`);
}

function annotate(span: Span, outcome: FinishedOutcome): void {
  const { ttftMs, queueMs, refusal, usage, settingsVersion, arm } = outcome;
  span.setAttributes({
    [names.genAiOperation]: outcome.operation,
    [names.genAiProvider]: "chimera",
    [names.genAiModel]: outcome.model,
    [names.requestId]: outcome.requestId,
    [names.tenant]: outcome.tenant,
    [names.door]: outcome.door,
    [names.routerClass]: outcome.requestClass,
    [names.routerAttempts]: outcome.attempts,
    [names.routerResumptions]: outcome.resumptions,
    [names.servedBy]: outcome.servedBy,
    [names.cacheStatus]: CACHE_STATUS_NAMES[outcome.cache.status],
    [names.cacheReason]: outcome.cache.reason,
  });
  if (ttftMs !== undefined) span.setAttribute(names.genAiTimeToFirstChunk, ttftMs / 1000);
  if (queueMs !== undefined) span.setAttribute(names.routerQueueMs, queueMs);
  if (settingsVersion > 0) span.setAttribute(names.settingsVersion, settingsVersion);
  if (arm !== "") span.setAttribute(names.arm, arm);
  if (refusal !== "") span.setAttribute(names.routerRefusal, refusal);
  if (!usage) return;
  span.setAttributes({
    [names.genAiInputTokens]: usage.promptTokens,
    [names.genAiOutputTokens]: usage.completionTokens,
    [names.genAiCachedTokens]: usage.cachedTokens,
  });
}
