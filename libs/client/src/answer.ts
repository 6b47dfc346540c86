// An answer as it grows: the parts of the stream, checked and timed, become events and in the end one result.

import {
  type Accepted,
  CacheStatus,
  type Complete,
  type Delta,
  FinishReason,
  type GenerateResponse,
} from "@chimera/contracts/common";
import type { Clock } from "@chimera/kernel";
import { ChimeraClientError, type PartialAnswer } from "./error.ts";

/** Text of one answer. Longer ones end with RESOURCE_EXHAUSTED. */
const MAX_TEXT_CHARACTERS = 16 * 1024 * 1024;

export interface CacheOutcome {
  /**
   * stale: past its time, served while a new one is made. joined: read along with the same request, which was being answered.
   * bypass: the cache was not asked.
   */
  status: "hit" | "stale" | "joined" | "miss" | "bypass" | "unknown";
  /** For people, for example "stored 12 s ago". */
  reason: string;
}

/** The request is taken, and by whom. Comes again where the call is tried again. */
export interface AcceptedEvent {
  type: "accepted";
  /** 1, and one more for each time the call is tried again. */
  attempt: number;
  requestId: string;
  servedBy: string;
  cache: CacheOutcome;
  model: string;
  modelVersion: string;
  /** W3C trace id; undefined where the request is not traced. */
  traceId: string | undefined;
  /** What the router expected when it chose the replica. */
  predictedTtftMs: number | undefined;
  /** Time the request waited in the router for its turn. */
  queueMs: number;
}

/** A piece of the answer, in order. */
export interface DeltaEvent {
  type: "delta";
  /** 0, 1, 2 … without gaps. */
  seq: number;
  /** Empty where a token ends inside a character. */
  text: string;
  tokenCount: number;
  /** The tokens in the model's vocabulary, where the engine names them. */
  tokenIds: number[];
}

export interface Usage {
  promptTokens: number;
  /** Prompt tokens whose state was already computed. */
  cachedTokens: number;
  completionTokens: number;
}

/** Where the time of the answer went, on the engine's clock. */
export interface EngineTimings {
  queueMs: number;
  prefillMs: number;
  firstTokenMs: number;
  totalMs: number;
}

/** The answer is whole. */
export interface CompleteEvent {
  type: "complete";
  /** length: maxTokens was reached. */
  finishReason: "stop" | "length" | "unknown";
  usage: Usage;
  timings: EngineTimings;
}

export type AnswerEvent = AcceptedEvent | DeltaEvent | CompleteEvent;

export interface AnswerResult {
  text: string;
  finishReason: CompleteEvent["finishReason"];
  usage: Usage;
  /** From the call to its first piece of text, on this side; undefined where the answer is empty. */
  ttftMs: number | undefined;
  /** From the call to the end of the answer, on this side. */
  totalMs: number;
  timings: EngineTimings;
  /** Time the request waited in the router. */
  queueMs: number;
  cache: CacheOutcome;
  servedBy: string;
  model: string;
  modelVersion: string;
  requestId: string;
  traceId: string | undefined;
  /** How often the call was tried. */
  attempts: number;
}

export class Answer {
  attempts = 1;
  ttftMs: number | undefined;
  text = "";
  #nextSeq = 0;
  #accepted: AcceptedEvent | undefined;
  #complete: CompleteEvent | undefined;
  #totalMs = 0;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #requestId: string | undefined;

  /** `requestId`: the caller's own, where it gave one. */
  constructor(clock: Clock, requestId?: string) {
    this.#clock = clock;
    this.#requestId = requestId;
    this.#startedAtMs = clock.monotonicMs();
  }

  get hasBegun(): boolean {
    return this.#nextSeq > 0;
  }

  get isComplete(): boolean {
    return this.#complete !== undefined;
  }

  /** Undefined for a part that this version does not know. Throws DATA_LOSS where a delta is missing or out of order. */
  take({ part }: GenerateResponse): AnswerEvent | undefined {
    if (part.case === "accepted") {
      this.#accepted = toAccepted(part.value, this.attempts);
      return this.#accepted;
    }
    if (part.case === "delta") return this.#delta(part.value);
    if (part.case !== "complete") return undefined;
    this.#totalMs = this.#clock.monotonicMs() - this.#startedAtMs;
    this.#complete = toComplete(part.value);
    return this.#complete;
  }

  #delta({ seq, text, tokenCount, tokenIds }: Delta): DeltaEvent {
    if (seq !== this.#nextSeq) {
      throw new ChimeraClientError("DATA_LOSS", `delta ${seq} came where ${this.#nextSeq} was due`);
    }
    if (this.text.length + text.length > MAX_TEXT_CHARACTERS) {
      throw new ChimeraClientError("RESOURCE_EXHAUSTED", `the answer is longer than ${MAX_TEXT_CHARACTERS} characters`);
    }
    this.#nextSeq += 1;
    if (text !== "") this.ttftMs ??= this.#clock.monotonicMs() - this.#startedAtMs;
    this.text += text;
    return { type: "delta", seq, text, tokenCount, tokenIds };
  }

  /** What an error says of the answer it ended. */
  soFar(): { requestId?: string; traceId?: string; partial?: PartialAnswer; attempts: number } {
    const { requestId = this.#requestId, traceId } = this.#accepted ?? {};
    return {
      attempts: this.attempts,
      ...(requestId && { requestId }),
      ...(traceId && { traceId }),
      ...(this.hasBegun && { partial: { text: this.text, nextSeq: this.#nextSeq } }),
    };
  }

  /** Throws DATA_LOSS where the stream ended before the answer did. */
  result(): AnswerResult {
    const accepted = this.#accepted;
    const complete = this.#complete;
    if (!accepted || !complete) throw new ChimeraClientError("DATA_LOSS", "the stream ended before the answer did");
    const { cache, servedBy, model, modelVersion, requestId, traceId, queueMs } = accepted;
    const { finishReason, usage, timings } = complete;
    const { text, ttftMs, attempts } = this;
    return {
      ...{ text, finishReason, usage, ttftMs, totalMs: this.#totalMs, timings, queueMs },
      ...{ cache, servedBy, model, modelVersion, requestId, traceId, attempts },
    };
  }
}

const CACHE_STATUS: Readonly<Record<number, CacheOutcome["status"]>> = {
  [CacheStatus.HIT]: "hit",
  [CacheStatus.MISS]: "miss",
  [CacheStatus.BYPASS]: "bypass",
  [CacheStatus.STALE]: "stale",
  [CacheStatus.JOINED]: "joined",
};

function toAccepted(accepted: Accepted, attempt: number): AcceptedEvent {
  const { requestId, servedBy, cache, model, modelVersion, traceId, predictedTtftMs, queueMs } = accepted;
  return {
    ...{ type: "accepted", attempt, requestId, servedBy, model, modelVersion, predictedTtftMs, queueMs },
    cache: { status: CACHE_STATUS[cache?.status ?? 0] ?? "unknown", reason: cache?.reason ?? "" },
    traceId: traceId || undefined,
  };
}

const FINISH_REASON: Readonly<Record<number, CompleteEvent["finishReason"]>> = {
  [FinishReason.STOP]: "stop",
  [FinishReason.LENGTH]: "length",
};

function toComplete({ finishReason, usage, timings }: Complete): CompleteEvent {
  return {
    type: "complete",
    finishReason: FINISH_REASON[finishReason] ?? "unknown",
    usage: {
      promptTokens: usage?.promptTokens ?? 0,
      cachedTokens: usage?.cachedTokens ?? 0,
      completionTokens: usage?.completionTokens ?? 0,
    },
    timings: {
      queueMs: timings?.queueMs ?? 0,
      prefillMs: timings?.prefillMs ?? 0,
      firstTokenMs: timings?.firstTokenMs ?? 0,
      totalMs: timings?.totalMs ?? 0,
    },
  };
}
