// Asks the router one thing, as any client would, and reads the whole answer. Retries only while nothing was received: an answer
// that broke off is a failure of the mesh, and the score has to show it.
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  type CachePolicy,
  type GenerateResponse,
  RequestClass,
  Role,
  type SamplingParams,
} from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { ChimeraError, type Clock, InternalError, type Random } from "@chimera/kernel";
import type { PromptMessage } from "../prompt/prompt.ts";

/** One stream from the router. Errors are ChimeraErrors; leaving the iteration, or the signal, cancels the request. */
export type Generate = (
  request: GenerateRequest,
  options: { tenant: string; signal: AbortSignal },
) => AsyncIterable<GenerateResponse>;

export interface AskOptions {
  generate: Generate;
  random: Random;
  clock: Clock;
}

export interface Question {
  tenant: string;
  messages: readonly PromptMessage[];
  model: string;
  sampling: SamplingParams;
  cachePolicy: CachePolicy;
  /** First part of the id of every try. */
  requestId: string;
}

export interface Answer {
  text: string;
  model: string;
  modelVersion: string;
  /** Call to first piece of text; undefined where the answer is empty. */
  ttftMs: number | undefined;
  promptTokens: number;
  completionTokens: number;
}

/** Runs are patient where the mesh is full: their requests are served with what others leave over. */
const MAX_RETRIES = 2;
const MAX_RETRIES_WHEN_FULL = 8;
// Doubled per retry, up to half of it added at random. The router's own advice wins, up to the longest pause.
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;
// Labels are short; a longer answer is a model out of control.
const MAX_ANSWER_CHARACTERS = 65_536;

const ROLES = { system: Role.SYSTEM, user: Role.USER, assistant: Role.ASSISTANT } as const;

/** Throws the ChimeraError of the last try. */
export async function ask(options: AskOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const { generate, random, clock } = options;
  for (let attempt = 0; ; attempt++) {
    const reading = new Reading(clock);
    try {
      const request = requestFor(question, attempt);
      for await (const part of generate(request, { tenant: question.tenant, signal })) reading.take(part);
      return reading.answer();
    } catch (error) {
      if (!(error instanceof ChimeraError) || reading.hasText || attempt >= retriesFor(error) || signal.aborted)
        throw error;
      await sleep(pauseMs(error, attempt, random), undefined, { signal });
    }
  }
}

function retriesFor(error: ChimeraError): number {
  if (error.kind === "overloaded" || error.kind === "quota-exceeded") return MAX_RETRIES_WHEN_FULL;
  return error.isRetryable ? MAX_RETRIES : 0;
}

// Every try has an id of its own, so that the events of two tries are not taken for one.
function requestFor({ model, messages, sampling, cachePolicy, requestId }: Question, attempt: number): GenerateRequest {
  return create(GenerateRequestSchema, {
    model,
    messages: messages.map(({ role, content }) => ({ role: ROLES[role], content })),
    sampling,
    cachePolicy,
    class: RequestClass.BATCH,
    requestId: `${requestId}.${attempt}`,
  });
}

function pauseMs(error: ChimeraError, attempt: number, random: Random): number {
  const backoffMs = FIRST_PAUSE_MS * 2 ** attempt * (1 + random() / 2);
  return Math.min(MAX_PAUSE_MS, error.retryAfterMs ?? backoffMs);
}

class Reading {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #text = "";
  #model = "";
  #modelVersion = "";
  #ttftMs: number | undefined;
  #usage = { promptTokens: 0, completionTokens: 0 };
  #complete = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  get hasText(): boolean {
    return this.#text !== "";
  }

  take({ part }: GenerateResponse): void {
    if (part.case === "accepted") {
      this.#model = part.value.model;
      this.#modelVersion = part.value.modelVersion;
    } else if (part.case === "delta") {
      this.#takeText(part.value.text);
    } else if (part.case === "complete") {
      const { promptTokens = 0, completionTokens = 0 } = part.value.usage ?? {};
      this.#usage = { promptTokens, completionTokens };
      this.#complete = true;
    }
  }

  answer(): Answer {
    if (!this.#complete) throw new InternalError("the answer broke off: its stream ended without a last part");
    const ttftMs = this.#ttftMs;
    return { text: this.#text, model: this.#model, modelVersion: this.#modelVersion, ttftMs, ...this.#usage };
  }

  #takeText(text: string): void {
    if (text !== "") this.#ttftMs ??= this.#clock.monotonicMs() - this.#startedMs;
    this.#text += text;
    if (this.#text.length > MAX_ANSWER_CHARACTERS) {
      throw new InternalError(`the answer is longer than ${MAX_ANSWER_CHARACTERS} characters`);
    }
  }
}
