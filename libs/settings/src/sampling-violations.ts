// Which sampling values a request, or a default for requests, may have.
import type { SamplingParams } from "@chimera/contracts/common";
import type { FieldViolation } from "@chimera/kernel";
import { outOfRange, ranges } from "./ranges.ts";

const MAX_STOPS = 8;
const MAX_STOP_LENGTH = 64;
const MAX_GRAMMAR_BYTES = 16 * 1024;

const NAMES: Record<keyof typeof ranges.sampling, string> = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  repetitionPenalty: "repetition_penalty",
  maxTokens: "max_tokens",
};

/** Every value out of range, by its name below `path`, for example "sampling". */
export function samplingViolations(sampling: SamplingParams | undefined, path: string): FieldViolation[] {
  if (!sampling) return [];
  const numbers = Object.entries(NAMES).flatMap(([key, name]): FieldViolation[] => {
    const field = key as keyof typeof NAMES;
    const value = sampling[field];
    const description = value === undefined ? undefined : outOfRange(value, ranges.sampling[field]);
    return description === undefined ? [] : [{ field: `${path}.${name}`, description }];
  });
  return [...numbers, ...stopViolations(sampling.stop, path), ...grammarViolations(sampling, path)];
}

function stopViolations(stop: readonly string[], path: string): FieldViolation[] {
  const tooMany: FieldViolation[] =
    stop.length > MAX_STOPS
      ? [{ field: `${path}.stop`, description: `has ${stop.length} texts, at most ${MAX_STOPS}` }]
      : [];
  const wrong = stop.flatMap((text, index): FieldViolation[] => {
    if (text.length >= 1 && text.length <= MAX_STOP_LENGTH) return [];
    return [{ field: `${path}.stop[${index}]`, description: `needs 1 to ${MAX_STOP_LENGTH} characters` }];
  });
  return [...tooMany, ...wrong];
}

/** Whether it can be followed is the engine's to say. */
function grammarViolations({ jsonSchema, grammar }: SamplingParams, path: string): FieldViolation[] {
  if (jsonSchema !== undefined && grammar !== undefined) {
    return [{ field: `${path}.grammar`, description: "set either grammar or json_schema, not both" }];
  }
  const field = grammar === undefined ? `${path}.json_schema` : `${path}.grammar`;
  const text = grammar ?? jsonSchema;
  if (text === undefined) return [];
  if (text.trim() === "") return [{ field, description: "is empty" }];
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_GRAMMAR_BYTES) return [];
  return [{ field, description: `has ${bytes} bytes, at most ${MAX_GRAMMAR_BYTES} are taken` }];
}
