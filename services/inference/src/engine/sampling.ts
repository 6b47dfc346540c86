// Which sampling values exist, in one table: the request check and every engine use it, so no value is clamped in silence.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { Grammar, Sampling } from "./engine.ts";

export const MAX_STOP_TEXTS = 8;
export const MAX_STOP_CHARACTERS = 64;
export const MAX_GRAMMAR_BYTES = 16 * 1024;
const UINT32_MAX = 2 ** 32 - 1;

interface Rule {
  key: Exclude<keyof Sampling, "stop" | "grammar">;
  field: string;
  accepts(value: number): boolean;
  range: string;
}

const isUint32 = (value: number) => Number.isInteger(value) && value >= 0 && value <= UINT32_MAX;

const RULES: readonly Rule[] = [
  { key: "temperature", field: "temperature", accepts: (v) => v >= 0 && v <= 2, range: "from 0 to 2" },
  { key: "topP", field: "top_p", accepts: (v) => v > 0 && v <= 1, range: "above 0 and at most 1" },
  { key: "topK", field: "top_k", accepts: isUint32, range: "a whole number, 0 or more" },
  { key: "minP", field: "min_p", accepts: (v) => v >= 0 && v <= 1, range: "from 0 to 1" },
  { key: "repetitionPenalty", field: "repetition_penalty", accepts: (v) => v >= 0.5 && v <= 2, range: "from 0.5 to 2" },
  { key: "seed", field: "seed", accepts: isUint32, range: "a whole number, 0 or more" },
  { key: "maxTokens", field: "max_tokens", accepts: (v) => isUint32(v) && v > 0, range: "a whole number, 1 or more" },
];

/** Every value out of range, by its name in the request. */
export function samplingViolations(sampling: Partial<Sampling>): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const { key, field, accepts, range } of RULES) {
    const value = sampling[key];
    if (value === undefined || accepts(value)) continue;
    violations.push({ field: `sampling.${field}`, description: `${value} is out of range; it must be ${range}` });
  }
  return [...violations, ...stopViolations(sampling.stop ?? []), ...grammarViolations(sampling.grammar)];
}

function stopViolations(stop: readonly string[]): FieldViolation[] {
  const field = "sampling.stop";
  if (stop.length > MAX_STOP_TEXTS) {
    return [{ field, description: `${stop.length} texts given; at most ${MAX_STOP_TEXTS} are allowed` }];
  }
  return stop.flatMap((text, index) => {
    const characters = [...text].length;
    if (characters >= 1 && characters <= MAX_STOP_CHARACTERS) return [];
    return [
      {
        field: `${field}[${index}]`,
        description: `has ${characters} characters; it must have 1 to ${MAX_STOP_CHARACTERS}`,
      },
    ];
  });
}

function grammarViolations(grammar: Grammar | undefined): FieldViolation[] {
  if (!grammar) return [];
  const bytes = Buffer.byteLength(grammar.text);
  if (grammar.text.trim() === "") return [{ field: grammarField(grammar), description: "is empty" }];
  if (bytes <= MAX_GRAMMAR_BYTES) return [];
  return [
    { field: grammarField(grammar), description: `has ${bytes} bytes; at most ${MAX_GRAMMAR_BYTES} are allowed` },
  ];
}

/** Its name in the request. */
export function grammarField({ kind }: Grammar): string {
  return kind === "gbnf" ? "sampling.grammar" : "sampling.json_schema";
}

/** For engines that can not follow every kind, or none. Throws InvalidRequestError. */
export function refuseGrammar(grammar: Grammar | undefined, kinds: readonly Grammar["kind"][], engine: string): void {
  if (!grammar || kinds.includes(grammar.kind)) return;
  const description = `can not be followed by the ${engine} engine; leave it out or ask another model`;
  throw new InvalidRequestError([{ field: grammarField(grammar), description }]);
}

/** The request's values over the model's defaults. Throws InvalidRequestError for a value out of range. */
export function resolveSampling(requested: Partial<Sampling>, defaults: Sampling): Sampling {
  const violations = samplingViolations(requested);
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return {
    temperature: requested.temperature ?? defaults.temperature,
    topP: requested.topP ?? defaults.topP,
    topK: requested.topK ?? defaults.topK,
    minP: requested.minP ?? defaults.minP,
    repetitionPenalty: requested.repetitionPenalty ?? defaults.repetitionPenalty,
    seed: requested.seed ?? defaults.seed,
    maxTokens: requested.maxTokens ?? defaults.maxTokens,
    stop: requested.stop ?? (requested.grammar ? [] : defaults.stop),
    grammar: requested.grammar,
  };
}
