// One request of a trace, whatever its format: what it asks for, and what its answer weighs and costs.

export interface TraceRequest {
  /** Requests with the same key have the same answer. */
  key: string;
  promptTokens: number;
  completionTokens: number;
  /** What its answer takes in the cache. */
  bytes: number;
  /** Time to first token where it is made. */
  ttftMs: number;
}

/** Can be read more than once. */
export type Trace = () => AsyncIterable<TraceRequest>;

/** Time to first token where a trace has none: a fixed part and one by the length of the prompt. */
const TTFT_MS = { fixed: 150, perPromptToken: 0.4 };
const MS_PER_COMPLETION_TOKEN = 18;
/** A stored answer where a trace has no sizes: key, usage and timings, and a delta for each token. Measured on answers of the mesh. */
const ANSWER_BYTES = { fixed: 150, perToken: 16 };

export function modelledTtftMs(promptTokens: number): number {
  return TTFT_MS.fixed + TTFT_MS.perPromptToken * promptTokens;
}

export function modelledBytes(completionTokens: number): number {
  return ANSWER_BYTES.fixed + ANSWER_BYTES.perToken * completionTokens;
}

/** Milliseconds of an engine that a hit saves. */
export function computeMs({ ttftMs, completionTokens }: Pick<TraceRequest, "ttftMs" | "completionTokens">): number {
  return ttftMs + MS_PER_COMPLETION_TOKEN * completionTokens;
}
