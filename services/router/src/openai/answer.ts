// Our parts as OpenAI's objects.
import { CacheStatus, FinishReason, type GenerateResponse, type Usage } from "@chimera/contracts/common";

const FINISH: Partial<Record<FinishReason, string>> = { [FinishReason.STOP]: "stop", [FinishReason.LENGTH]: "length" };
const CACHE: Partial<Record<CacheStatus, string>> = {
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
};

export interface AnswerHead {
  id: string;
  created: number;
  model: string;
}

/** Headers that say how the request was served; known with the first part. */
export function headOf({ part }: GenerateResponse, createdS: number) {
  const accepted = part.case === "accepted" ? part.value : undefined;
  const head: AnswerHead = {
    id: `chatcmpl-${accepted?.requestId ?? ""}`,
    created: createdS,
    model: accepted?.model ?? "",
  };
  const headers: Record<string, string> = {
    "x-request-id": accepted?.requestId ?? "",
    "x-chimera-served-by": accepted?.servedBy ?? "",
    "x-chimera-cache": CACHE[accepted?.cache?.status ?? CacheStatus.UNSPECIFIED] ?? "",
    "x-chimera-cache-reason": accepted?.cache?.reason ?? "",
  };
  if (accepted?.traceId) headers["x-chimera-trace-id"] = accepted.traceId;
  return { head, headers };
}

export function usageOf(usage: Usage | undefined) {
  const { promptTokens = 0, completionTokens = 0, cachedTokens = 0 } = usage ?? {};
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** One `chat.completion.chunk`. */
export function chunkOf(head: AnswerHead, delta: object, finishReason: FinishReason | undefined) {
  const finish = finishReason === undefined ? null : (FINISH[finishReason] ?? "stop");
  return { ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] };
}

/** The last chunk where usage was asked for. */
export function usageChunkOf(head: AnswerHead, usage: Usage | undefined) {
  return { ...head, object: "chat.completion.chunk", choices: [], usage: usageOf(usage) };
}

/** The whole answer of a request that is not streamed. */
export function completionOf(head: AnswerHead, parts: readonly GenerateResponse[]) {
  let content = "";
  let complete: Extract<GenerateResponse["part"], { case: "complete" }>["value"] | undefined;
  for (const { part } of parts) {
    if (part.case === "delta") content += part.value.text;
    if (part.case === "complete") complete = part.value;
  }
  const finish = FINISH[complete?.finishReason ?? FinishReason.STOP] ?? "stop";
  return {
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
    usage: usageOf(complete?.usage),
  };
}
