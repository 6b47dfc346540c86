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
  /** What the answer follows; its end is the answer's. With one, the model's default stop texts do not apply. */
  grammar?: Grammar | undefined;
}

export interface Grammar {
  kind: "gbnf" | "json-schema";
  text: string;
}

export interface EngineRequest {
  input: EngineInput;
  /** What is unset takes the model's default. */
  sampling: Partial<Sampling>;
  /** Set where another replica began this answer and was lost: this one goes on behind it. */
  resume?: BegunAnswer | undefined;
}

/**
 * What its reader has of an answer already. The parts go on behind it as if it had never been cut: usage, max_tokens and stop
 * texts see the whole answer.
 */
export interface BegunAnswer {
  /** Of all deltas. */
  text: string;
  /**
   * Their tokens, in order. Without them an engine makes do with the text: its tokens may then be others than those drawn, so
   * that what follows may differ and counts are estimates.
   */
  tokenIds: readonly number[];
  /** Weights that drew them; "" where not known. */
  modelVersion: string;
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
  /** The same tokens in the model's vocabulary; undefined where the engine does not know them. */
  tokenIds?: readonly number[] | undefined;
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
  defaultSampling: Omit<Sampling, "grammar">;
}

/** How busy an engine is, for whoever chooses between replicas. */
export interface EngineLoad {
  slots: number;
  busySlots: number;
  maxQueued: number;
  queuedRequests: number;
  /** Prompt tokens of the waiting requests that no kept state covered when they came: the work in the queue. */
  queuedUncachedTokens: number;
  /** Measured; undefined until a prompt was computed. */
  prefillTokensPerS: number | undefined;
  /** Tokens whose state is held, and how many can be. */
  kvTokens: number;
  kvCapacityTokens: number;
  /** Ids of the prefixes that are warm, most recently used first, at most 64. */
  warmPrefixes: readonly string[];
  activeGenerations: number;
}

export interface WarmedPrefix {
  /** Identifies the prefix in load reports. */
  id: string;
  tokens: number;
  /** Of those, tokens whose state was there already. */
  cachedTokens: number;
  /** Size of the kept state on disk; 0 where the engine keeps none itself. */
  savedBytes: number;
}

export interface EngineLimits {
  slots: number;
  maxQueued: number;
}

export interface Engine {
  describe(): EngineDescription;
  load(): EngineLoad;
  /** Called after every change of load; at most once per turn of the event loop. Returns the end of the subscription. */
  onLoadChange(listener: () => void): () => void;
  /**
   * More slots start waiting requests at once; fewer take effect as running requests finish. What already waits keeps its place,
   * also where it is more than the new bound. Returns what is in force now.
   * Errors: InvalidRequestError where the engine can not have that many slots.
   */
  setLimits(limits: Partial<EngineLimits>): EngineLimits;
  /**
   * Computes a prefix and keeps its state, so that requests that begin with it start faster.
   * Errors: as generate(); FailedPreconditionError where the engine can not keep prefixes.
   */
  warmPrefix(input: EngineInput, signal: AbortSignal): Promise<WarmedPrefix>;
  /**
   * Nothing happens before the first part is asked for. Leaving the iteration, or the signal, ends the work and frees the slot.
   * Errors: InvalidRequestError where the request can not fit, a value is out of range or a grammar can not be followed, OverloadedError where the queue is
   * full, FailedPreconditionError where an answer that began elsewhere can not go on here, UnavailableError after dispose() began,
   * CancelledError (or the signal's own ChimeraError) after an abort.
   */
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EnginePart>;
  /** Ends what still runs, then frees the model. */
  dispose(): Promise<void>;
}
