// Stage 6: what became of the request, to the span, the statistics and the event bus. Carries no prompt and no answer.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheStatus } from "@chimera/contracts/common";
import { RequestFinishedSchema } from "@chimera/contracts/events";
import { names } from "@chimera/telemetry";
import { trace } from "@opentelemetry/api";
import type { Context } from "../context.ts";
import type { FinishedOutcome } from "../measure/outcome.ts";

const STATUS_NAMES: Record<CacheStatus, string> = {
  [CacheStatus.UNSPECIFIED]: "not asked",
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
};

export function reportOutcome(context: Context, outcome: FinishedOutcome): void {
  annotateSpan(outcome);
  context.stats.add({
    model: outcome.model,
    tenant: outcome.tenant,
    ok: outcome.status === "OK",
    cacheHit: outcome.cache.status === CacheStatus.HIT,
    ttftMs: outcome.ttftMs,
    turnMs: outcome.turnMs,
    interTokenMs: outcome.interTokenMs,
  });
  const message = create(RequestFinishedSchema, {
    ...outcome,
    arrivedAt: timestampFromMs(outcome.arrivedAtEpochMs),
    router: context.config.name,
  });
  // The request id is the caller's to choose, so it can not be what makes the event unique.
  context.events.publish({ kind: "requestFinished", message }, `${outcome.requestId}/${context.newId()}`);
}

function annotateSpan(outcome: FinishedOutcome): void {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return;
  span.setAttributes({
    [names.genAiOperation]: "chat",
    [names.genAiProvider]: "chimera",
    [names.genAiModel]: outcome.model,
    [names.requestId]: outcome.requestId,
    [names.tenant]: outcome.tenant,
    [names.door]: outcome.door,
    [names.servedBy]: outcome.servedBy,
    [names.cacheStatus]: STATUS_NAMES[outcome.cache.status],
    [names.cacheReason]: outcome.cache.reason,
  });
  if (outcome.ttftMs !== undefined) span.setAttribute(names.genAiTimeToFirstChunk, outcome.ttftMs / 1000);
  if (outcome.usage) {
    span.setAttributes({
      [names.genAiInputTokens]: outcome.usage.promptTokens,
      [names.genAiOutputTokens]: outcome.usage.completionTokens,
      [names.genAiCachedTokens]: outcome.usage.cachedTokens,
    });
  }
}
