// What one request asks of a slot, and everything that can refuse it before any work.
import { InvalidRequestError, type Random } from "@chimera/kernel";
import { begunHere, canNotGoOn } from "../begun-answer.ts";
import type { BegunAnswer, EngineRequest, Sampling } from "../engine.ts";
import { resolveSampling } from "../sampling.ts";
import { Answer } from "./answer.ts";
import { drawSeed } from "./evaluate-options.ts";
import type { CompiledGrammar } from "./grammar/grammars.ts";
import type { OpenedModel } from "./open-llama.ts";
import { type Replay, replayOf } from "./replay.ts";
import { asToken } from "./token.ts";

export interface GenerationPlan {
  promptTokens: number;
  /** Known before the first draw: the prompt, and the tokens of an answer that is continued. */
  prefix: readonly number[];
  answer: Answer;
  /** Set where an answer that began elsewhere is drawn again. */
  replay: Replay | undefined;
  sampling: Sampling;
  seed: number;
  arrivedMs: number;
  grammar: CompiledGrammar | undefined;
}

export interface PlanOptions {
  model: OpenedModel;
  modelVersion: string;
  defaults: Sampling;
  random: Random;
  arrivedMs: number;
}

/** Rejects with InvalidRequestError, or FailedPreconditionError for an answer that can not go on here. */
export async function planGeneration(request: EngineRequest, options: PlanOptions): Promise<GenerationPlan> {
  const { model, defaults, random, arrivedMs } = options;
  const begun = begunHere(request.resume, options.modelVersion);
  const sampling = resolveSampling(request.sampling, defaults);
  const prompt = model.encoder.encode(request.input);
  const roomTokens = model.contextTokens - prompt.length;
  const wantedTokens = request.sampling.maxTokens ?? 1;
  if (wantedTokens > roomTokens) throw tooLong(request, prompt.length, model.contextTokens);
  const answer = new Answer({
    prompt,
    // At most what the context leaves after the prompt.
    maxTokens: Math.min(sampling.maxTokens, roomTokens),
    stop: sampling.stop,
    decoder: model.newDecoder(),
    isEnd: (token) => model.isEnd(asToken(token)),
  });
  const replay = begun && resume(answer, begun, { model, sampling });
  return {
    promptTokens: prompt.length,
    prefix: replay ? prompt : [...answer.history],
    answer,
    replay,
    sampling,
    seed: sampling.seed ?? drawSeed(random),
    arrivedMs,
    grammar: sampling.grammar && (await model.grammars.compile(sampling.grammar)),
  };
}

function resume(
  answer: Answer,
  { text, tokenIds: known, modelVersion }: BegunAnswer,
  { model, sampling }: { model: OpenedModel; sampling: Sampling },
): Replay | undefined {
  const tokenIds = known.length > 0 ? known : model.encoder.encodeText(text);
  const strange = tokenIds.findIndex((token) => !model.isText(asToken(token)));
  if (strange >= 0) throw canNotGoOn(`token ${strange} of it is none that an answer of this model can have`);
  answer.resume({ text, tokenIds, modelVersion });
  return replayOf(sampling, tokenIds, known.length > 0);
}

function tooLong({ input, sampling }: EngineRequest, promptTokens: number, contextTokens: number): InvalidRequestError {
  const { maxTokens } = sampling;
  if (promptTokens >= contextTokens || maxTokens === undefined) {
    return noRoom(input.kind, promptTokens, contextTokens);
  }
  const room = contextTokens - promptTokens;
  const description = `is ${maxTokens}, but ${promptTokens} prompt tokens leave room for ${room} in a context of ${contextTokens}`;
  return new InvalidRequestError([{ field: "sampling.max_tokens", description }]);
}

/** `field` alone is as long as the context. */
export function noRoom(field: string, tokens: number, contextTokens: number): InvalidRequestError {
  const description = `has ${tokens} tokens, which leaves no room for an answer in a context of ${contextTokens}; shorten it`;
  return new InvalidRequestError([{ field, description }]);
}
