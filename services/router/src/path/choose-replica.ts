// Stage 4: what the choice of a replica goes by, and what the trace says of it.
import type { GenerateRequest } from "@chimera/contracts/router";
import { names } from "@chimera/telemetry";
import { trace } from "@opentelemetry/api";
import type { RequestClass } from "../admission/admission.ts";
import { prefixKeys } from "../balance/prefix-keys.ts";
import type { Reservation, RouteRequest } from "../replica/replica-pool.ts";
import type { Accepted } from "./accept.ts";
import { classOf } from "./call.ts";

/** English text of common tokenizers; only ratios between requests matter. */
const BYTES_PER_TOKEN = 4;
/** Answers of requests that set no limit. */
const TYPICAL_ANSWER_TOKENS = 128;

export interface Route extends RouteRequest {
  requestClass: RequestClass;
  /** Prompt and the longest answer, estimated: what the request may cost. */
  costTokens: number;
}

export function routeOf(request: GenerateRequest, { model }: Accepted): Route {
  const bytes = request.messages.reduce((sum, { content }) => sum + content.length, request.prompt.length);
  const promptTokens = Math.ceil(bytes / BYTES_PER_TOKEN);
  const answerTokens = request.sampling?.maxTokens ?? model.defaultSampling?.maxTokens ?? TYPICAL_ANSWER_TOKENS;
  return {
    model: model.id,
    prefixKeys: prefixKeys(request),
    promptTokens,
    requestClass: classOf(request),
    costTokens: promptTokens + Math.min(answerTokens, model.contextTokens),
  };
}

export function noteRoute(reservation: Reservation): void {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return;
  const { policy, candidates, chosen, why } = reservation.explain();
  span.setAttributes({
    [names.routePolicy]: policy,
    [names.routeCandidates]: candidates.map(({ name, score }) => `${name}=${score}`),
    [names.routeChosen]: chosen,
    [names.routeWhy]: why,
  });
}
