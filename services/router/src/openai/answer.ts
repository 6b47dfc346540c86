// Our answers as OpenAI's objects, in the shapes of its two endpoints.
import { type Accepted, CacheStatus, type Complete, FinishReason, type Usage } from "@chimera/contracts/common";

const FINISH: Partial<Record<FinishReason, string>> = { [FinishReason.STOP]: "stop", [FinishReason.LENGTH]: "length" };
const CACHE: Partial<Record<CacheStatus, string>> = {
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
  [CacheStatus.STALE]: "stale",
  [CacheStatus.JOINED]: "joined",
};

/** How an endpoint writes what was said. */
export interface Dialect {
  idPrefix: string;
  chunkObject: string;
  wholeObject: string;
  /** Before the first text; none where the endpoint has no such thing. */
  opening?: object;
  /** The choice that carries a piece of text. */
  piece(text: string): object;
  /** The choice of the last chunk. */
  closing: object;
  whole(text: string): object;
}

export const CHAT: Dialect = {
  idPrefix: "chatcmpl-",
  chunkObject: "chat.completion.chunk",
  wholeObject: "chat.completion",
  opening: { delta: { role: "assistant", content: "" } },
  piece: (text) => ({ delta: { content: text } }),
  closing: { delta: {} },
  whole: (text) => ({ message: { role: "assistant", content: text } }),
};

export const COMPLETION: Dialect = {
  idPrefix: "cmpl-",
  chunkObject: "text_completion",
  wholeObject: "text_completion",
  piece: (text) => ({ text, logprobs: null }),
  closing: { text: "", logprobs: null },
  whole: (text) => ({ text, logprobs: null }),
};

/** Headers that say how the request was served; known with the first part. */
export function headersOf({ requestId, servedBy, cache, traceId, queueMs }: Accepted): Record<string, string> {
  return {
    "x-request-id": requestId,
    "x-chimera-served-by": servedBy,
    "x-chimera-cache": CACHE[cache?.status ?? CacheStatus.UNSPECIFIED] ?? "",
    "x-chimera-cache-reason": cache?.reason ?? "",
    "x-chimera-queue-ms": queueMs.toFixed(1),
    ...(traceId && { "x-chimera-trace-id": traceId }),
  };
}

/** The objects of one answer. */
export class AnswerObjects {
  readonly #dialect: Dialect;
  readonly #head: { id: string; created: number; model: string };

  constructor(dialect: Dialect, { requestId, model }: Accepted, createdS: number) {
    this.#dialect = dialect;
    this.#head = { id: `${dialect.idPrefix}${requestId}`, created: createdS, model };
  }

  opening(): object | undefined {
    return this.#dialect.opening && this.#chunk(this.#dialect.opening, null);
  }

  piece(text: string): object {
    return this.#chunk(this.#dialect.piece(text), null);
  }

  closing({ finishReason }: Complete): object {
    return this.#chunk(this.#dialect.closing, FINISH[finishReason] ?? "stop");
  }

  usage({ usage }: Complete): object {
    return { ...this.#head, object: this.#dialect.chunkObject, choices: [], usage: usageOf(usage) };
  }

  whole(text: string, { finishReason, usage }: Complete): object {
    const choice = { index: 0, ...this.#dialect.whole(text), finish_reason: FINISH[finishReason] ?? "stop" };
    return { ...this.#head, object: this.#dialect.wholeObject, choices: [choice], usage: usageOf(usage) };
  }

  #chunk(choice: object, finish: string | null): object {
    return {
      ...this.#head,
      object: this.#dialect.chunkObject,
      choices: [{ index: 0, ...choice, finish_reason: finish }],
    };
  }
}

function usageOf(usage: Usage | undefined) {
  const { promptTokens = 0, completionTokens = 0, cachedTokens = 0 } = usage ?? {};
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
