// What every engine promises: typed parts in order, exact counts, and a prompt end when the caller leaves.

export type MessageRole = "system" | "user" | "assistant";

export interface EngineMessage {
  role: MessageRole;
  content: string;
}

/** A conversation is rendered by the model's chat template; a prompt is fed as plain text. */
export type EngineInput = { kind: "messages"; messages: readonly EngineMessage[] } | { kind: "prompt"; prompt: string };

/** How the next token is chosen, complete. Ranges: see sampling.ts. */
export interface Sampling {
  /** 0 is greedy. */
  temperature: number;
  topP: number;
  /** 0 keeps all tokens. */
  topK: number;
  minP: number;
  /** 1 is off. */
  repetitionPenalty: number;
  /** Undefined draws one per request. */
  seed: number | undefined;
  maxTokens: number;
  /** Texts that end the answer and are not part of it. */
  stop: readonly string[];
}

export interface EngineRequest {
  input: EngineInput;
  /** What is unset takes the model's default. */
  sampling: Partial<Sampling>;
}

/** The request fits and has a slot or a place in the queue. Always the first part. */
export interface AdmittedPart {
  kind: "admitted";
  promptTokens: number;
}

export interface DeltaPart {
  kind: "delta";
  text: string;
  /** Tokens drawn since the delta before. Tokens that made no text, such as a stop text, are in no delta. */
  tokenCount: number;
}

export interface Usage {
  promptTokens: number;
  /** Prompt tokens whose state was already in the slot. */
  cachedTokens: number;
  /** All tokens drawn, the ones of a stop text and the end token included. */
  completionTokens: number;
}

/** Milliseconds on the engine's clock, counted from the arrival of the request. */
export interface Timings {
  queueMs: number;
  /** From the slot to the first token. */
  prefillMs: number;
  firstTokenMs: number;
  /** To the last token. */
  totalMs: number;
}

/** Always the last part of an answer that ended well. */
export interface CompletePart {
  kind: "complete";
  finishReason: "stop" | "length";
  usage: Usage;
  timings: Timings;
}

export type EnginePart = AdmittedPart | DeltaPart | CompletePart;

export interface EngineDescription {
  engine: string;
  model: string;
  /** First 16 hex digits of the SHA-256 of the weights. */
  modelVersion: string;
  /** Prompt and answer of one request together. */
  contextTokens: number;
  slots: number;
  busySlots: number;
  queued: number;
  maxQueued: number;
  activeGenerations: number;
  finished: number;
  cancelled: number;
  generatedTokens: number;
  /** What an unset field of a request means. */
  defaultSampling: Sampling;
}

export interface Engine {
  describe(): EngineDescription;
  /**
   * Nothing happens before the first part is asked for. Leaving the iteration, or the signal, ends the work and frees the slot.
   * Errors: InvalidRequestError where the request can not fit or a value is out of range, OverloadedError where the queue is
   * full, UnavailableError after dispose() began, CancelledError (or the signal's own ChimeraError) after an abort.
   */
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EnginePart>;
  /** Ends what still runs, then frees the model. */
  dispose(): Promise<void>;
}
