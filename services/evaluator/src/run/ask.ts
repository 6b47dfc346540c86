// Asks the router one item, as any client would, and reads the whole answer. Retries only while nothing was received:
// an answer that broke off is a failure of the mesh, and the score has to show it.
import { setTimeout as sleep } from "node:timers/promises";
import { clone, create } from "@bufbuild/protobuf";
import {
  CachePolicy,
  type GenerateResponse,
  Role,
  type SamplingParams,
  SamplingParamsSchema,
} from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { ChimeraError, InternalError, type Random } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import type { Answer } from "./score.ts";

/** One stream from the router. Errors are ChimeraErrors; leaving the iteration, or the signal, cancels the request. */
export type Generate = (
  request: GenerateRequest,
  options: { tenant: string; signal: AbortSignal },
) => AsyncIterable<GenerateResponse>;

export interface AskOptions {
  generate: Generate;
  random: Random;
  model: string;
  sampling: SamplingParams | undefined;
  // First part of every request id.
  runId: string;
}

const MAX_RETRIES = 2;
// Doubled per retry, up to half of it added at random. The router's own advice wins, up to the longest pause.
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;
// Labels are short; a longer answer is a model out of control.
const MAX_ANSWER_CHARACTERS = 65_536;

// Greedy and short: what a label needs, and repeatable.
const DEFAULT_TEMPERATURE = 0;
const DEFAULT_MAX_TOKENS = 16;

/** The answer to one item. Throws the ChimeraError of the last try. */
export async function ask(options: AskOptions, item: Item, signal: AbortSignal): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const reading = new Reading();
    const request = requestFor(options, item, attempt);
    try {
      for await (const part of options.generate(request, { tenant: item.tenant, signal })) reading.take(part);
      return reading.answer();
    } catch (error) {
      const mayRetry = error instanceof ChimeraError && error.isRetryable && !reading.hasText && attempt < MAX_RETRIES;
      if (!mayRetry || signal.aborted) throw error;
      await sleep(pauseMs(error, attempt, options.random), undefined, { signal });
    }
  }
}

// Every try has an id of its own, so that the events of two tries are not taken for one.
function requestFor(options: AskOptions, item: Item, attempt: number): GenerateRequest {
  return create(GenerateRequestSchema, {
    model: options.model,
    messages: [{ role: Role.USER, content: item.input }],
    sampling: samplingOf(options.sampling),
    cachePolicy: CachePolicy.BYPASS,
    requestId: `${options.runId}.${item.hash.slice(0, 12)}.${attempt}`,
  });
}

function samplingOf(given: SamplingParams | undefined): SamplingParams {
  const sampling = given ? clone(SamplingParamsSchema, given) : create(SamplingParamsSchema);
  sampling.temperature ??= DEFAULT_TEMPERATURE;
  sampling.maxTokens ??= DEFAULT_MAX_TOKENS;
  return sampling;
}

function pauseMs(error: ChimeraError, attempt: number, random: Random): number {
  const backoffMs = FIRST_PAUSE_MS * 2 ** attempt * (1 + random() / 2);
  return Math.min(MAX_PAUSE_MS, error.retryAfterMs ?? backoffMs);
}

class Reading {
  #text = "";
  #model = "";
  #modelVersion = "";
  #complete = false;

  get hasText(): boolean {
    return this.#text !== "";
  }

  take({ part }: GenerateResponse): void {
    if (part.case === "accepted") {
      this.#model = part.value.model;
      this.#modelVersion = part.value.modelVersion;
    } else if (part.case === "delta") {
      this.#text += part.value.text;
      if (this.#text.length > MAX_ANSWER_CHARACTERS) {
        throw new InternalError(`the answer is longer than ${MAX_ANSWER_CHARACTERS} characters`);
      }
    } else if (part.case === "complete") {
      this.#complete = true;
    }
  }

  answer(): Answer {
    if (!this.#complete) throw new InternalError("the answer broke off: its stream ended without a last part");
    return { text: this.#text, model: this.#model, modelVersion: this.#modelVersion };
  }
}
