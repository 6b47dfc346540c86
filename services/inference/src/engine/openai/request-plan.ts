// Everything that can refuse a request before any work, and the request as it will be sent. What only the server can know, it
// refuses itself.
import { InvalidRequestError, type Random } from "@chimera/kernel";
import type { EngineInput, EngineRequest, Sampling } from "../engine.ts";
import { refuseGrammar, resolveSampling } from "../sampling.ts";
import type { Dialect } from "./dialect.ts";
import type { OpenedServer } from "./open-server.ts";
import { isHopeless } from "./prompt-estimate.ts";
import { type OutgoingBody, toBody } from "./request-body.ts";

export interface RequestPlan {
  input: EngineInput;
  outgoing: OutgoingBody;
}

/** Throws InvalidRequestError. */
export function planRequest(
  { input, sampling: requested }: EngineRequest,
  { model, dialect, contextTokens, defaults }: OpenedServer,
  random: Random,
): RequestPlan {
  const sampling = resolveSampling(requested, defaults);
  refuseGrammar(sampling.grammar, input.kind === "messages" ? ["json-schema"] : [], "openai");
  if (isEmpty(input)) throw new InvalidRequestError([{ field: input.kind, description: "is empty" }]);
  if (isHopeless(input, contextTokens)) throw tooLong(input, contextTokens);
  if (sampling.maxTokens >= contextTokens) throw tooManyTokens(sampling.maxTokens, contextTokens);
  const seeded = { ...requested, seed: seedOf(requested, dialect, random) };
  return { input, outgoing: toBody({ input, requested: seeded, sampling }, model.id, dialect) };
}

/** Undefined where the server draws one for every request. */
function seedOf({ seed }: Partial<Sampling>, { drawsSeeds }: Dialect, random: Random): number | undefined {
  return seed ?? (drawsSeeds ? undefined : Math.floor(random() * 2 ** 31));
}

function isEmpty(input: EngineInput): boolean {
  return input.kind === "prompt" ? input.prompt === "" : input.messages.length === 0;
}

function tooLong({ kind }: EngineInput, contextTokens: number): InvalidRequestError {
  const description = `is longer than a context of ${contextTokens} tokens can hold; shorten it`;
  return new InvalidRequestError([{ field: kind, description }]);
}

function tooManyTokens(maxTokens: number, contextTokens: number): InvalidRequestError {
  const description = `is ${maxTokens}, but a prompt and its answer share a context of ${contextTokens}`;
  return new InvalidRequestError([{ field: "sampling.max_tokens", description }]);
}
