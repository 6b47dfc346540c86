// A configuration of model and prompt as a person writes it: flags of a command, or one JSON object.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConfigurationSchema } from "@chimera/contracts/evaluator";
import { InvalidArgumentError } from "commander";

export type ConfigurationInput = MessageInitShape<typeof ConfigurationSchema>;

/** What one side of a comparison may name; everything may be left out. */
export interface Wish {
  name?: string | undefined;
  model?: string | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  minP?: number | undefined;
  repetitionPenalty?: number | undefined;
  seed?: number | undefined;
  maxTokens?: number | undefined;
  template?: string | undefined;
  shots?: number | undefined;
  select?: string | undefined;
  votes?: number | undefined;
}

const TEXTS = ["name", "model", "template", "select"] as const;
const NUMBERS = [
  "temperature",
  "topP",
  "topK",
  "minP",
  "repetitionPenalty",
  "seed",
  "maxTokens",
  "shots",
  "votes",
] as const;
const KNOWN: readonly string[] = [...TEXTS, ...NUMBERS];

/** Reads `{"temperature":0,"shots":4}`. What a value may be the evaluator says. */
export function parseWish(text: string): Wish {
  const parsed = parseObject(text);
  for (const [key, value] of Object.entries(parsed)) {
    if (!KNOWN.includes(key)) throw new InvalidArgumentError(`"${key}" is none of ${KNOWN.join(", ")}.`);
    const wanted = TEXTS.some((name) => name === key) ? "string" : "number";
    if (typeof value !== wanted)
      throw new InvalidArgumentError(`"${key}" is a ${wanted === "string" ? "text" : wanted}.`);
  }
  return parsed;
}

function parseObject(text: string): object {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // Told below, with an example.
  }
  throw new InvalidArgumentError('Give a JSON object such as \'{"temperature":0,"shots":4}\'.');
}

export function toConfiguration(wish: Wish): ConfigurationInput {
  const { name, model, template, shots, select, votes } = wish;
  const { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens } = wish;
  return {
    ...given({ name, model }),
    sampling: given({ temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens }),
    prompt: given({ template, shots, shotSelection: select, votes }),
  };
}

function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
