// What one request asks of a slot, and everything that can refuse it before any work.
import { InvalidRequestError, type Random } from "@chimera/kernel";
import type { EngineRequest, Sampling } from "../engine.ts";
import { resolveSampling } from "../sampling.ts";
import { drawSeed } from "./evaluate-options.ts";
import type { CompiledGrammar, Grammars } from "./grammar/grammars.ts";
import type { PromptEncoder } from "./prompt-encoder.ts";

export interface GenerationPlan {
  prompt: readonly number[];
  sampling: Sampling;
  seed: number;
  /** At most what the context leaves after the prompt. */
  maxTokens: number;
  arrivedMs: number;
  grammar: CompiledGrammar | undefined;
}

export interface PlanOptions {
  grammars: Grammars;
  encoder: PromptEncoder;
  contextTokens: number;
  defaults: Sampling;
  random: Random;
  arrivedMs: number;
}

/** Rejects with InvalidRequestError. */
export async function planGeneration(request: EngineRequest, options: PlanOptions): Promise<GenerationPlan> {
  const { encoder, contextTokens, arrivedMs } = options;
  const sampling = resolveSampling(request.sampling, options.defaults);
  const prompt = encoder.encode(request.input);
  const roomTokens = contextTokens - prompt.length;
  const wantedTokens = request.sampling.maxTokens ?? 1;
  if (wantedTokens > roomTokens) throw tooLong(request, prompt.length, contextTokens);
  return {
    prompt,
    sampling,
    seed: sampling.seed ?? drawSeed(options.random),
    maxTokens: Math.min(sampling.maxTokens, roomTokens),
    arrivedMs,
    grammar: sampling.grammar && (await options.grammars.compile(sampling.grammar)),
  };
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
