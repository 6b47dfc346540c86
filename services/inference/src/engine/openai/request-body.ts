// A request of ours as the JSON that the server takes. Values that only some servers know are sent only where the caller set
// them, so that a strict server refuses nothing that was not asked for.
import { InvalidRequestError } from "@chimera/kernel";
import type { EngineInput, Grammar, Sampling } from "../engine.ts";
import { grammarField } from "../sampling.ts";
import type { Dialect } from "./dialect.ts";

const UINT32_MAX = 2 ** 32 - 1;

export interface Outgoing {
  input: EngineInput;
  requested: Partial<Sampling>;
  /** `requested` over the defaults. */
  sampling: Sampling;
}

export interface OutgoingBody {
  path: "/chat/completions" | "/completions";
  body: Record<string, unknown>;
}

/** Throws InvalidRequestError for a JSON Schema that is no JSON. */
export function toBody({ input, requested, sampling }: Outgoing, model: string, dialect: Dialect): OutgoingBody {
  const { topK, minP, repetitionPenalty, seed, stop } = requested;
  const body: Record<string, unknown> = {
    model,
    ...(input.kind === "messages" ? { messages: input.messages } : { prompt: input.prompt }),
    stream: true,
    stream_options: { include_usage: true },
    temperature: sampling.temperature,
    top_p: sampling.topP,
    max_tokens: sampling.maxTokens,
  };
  if (seed !== undefined) body.seed = toSeed(seed);
  if (stop !== undefined && stop.length > 0) body.stop = stop;
  if (topK !== undefined) body.top_k = topK === 0 ? dialect.everyTopK : topK;
  if (minP !== undefined) body.min_p = minP;
  if (repetitionPenalty !== undefined) body[dialect.repetitionPenalty] = repetitionPenalty;
  if (requested.grammar) body.response_format = responseFormat(requested.grammar);
  return { path: input.kind === "messages" ? "/chat/completions" : "/completions", body };
}

function responseFormat(grammar: Grammar): Record<string, unknown> {
  try {
    return {
      type: "json_schema",
      json_schema: { name: "answer", schema: JSON.parse(grammar.text) as unknown, strict: true },
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidRequestError([{ field: grammarField(grammar), description: `is not JSON: ${reason}` }]);
  }
}

/** llama.cpp takes the largest seed for "draw one". */
function toSeed(seed: number): number {
  return seed === UINT32_MAX ? UINT32_MAX - 1 : seed;
}
