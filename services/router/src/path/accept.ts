// Stage 2: is this a request we can answer? Everything that can be refused by looking at it is refused here.

import { type CacheControl, Role, type SamplingParams } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import type { ServedModel } from "../replica/replica-pool.ts";

export const bounds = {
  promptBytes: 512 * 1024,
  messages: 256,
  requestIdLength: 64,
  stops: 8,
  stopLength: 64,
  grammarBytes: 16 * 1024,
  maxTokens: 1_000_000,
  cacheTags: 8,
  cacheTagLength: 64,
} as const;

/** A request that may go on. */
export interface Accepted {
  requestId: string;
  model: ServedModel;
}

/** Throws InvalidRequestError, NotFoundError or UnavailableError. */
export function accept(context: Context, request: GenerateRequest): Accepted {
  const violations = validate(request);
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return { requestId: request.requestId || context.newId(), model: context.replicas.model(request.model) };
}

function validate(request: GenerateRequest): FieldViolation[] {
  const violations = [
    ...promptViolations(request),
    ...samplingViolations(request.sampling),
    ...controlViolations(request.cacheControl),
  ];
  if (request.requestId && !/^[\w.:-]{1,64}$/.test(request.requestId)) {
    violations.push({ field: "request_id", description: "1 to 64 letters, digits, and . _ : -" });
  }
  return violations;
}

/** What the cache would refuse when the answer is there; here its caller hears of it. */
function controlViolations(control: CacheControl | undefined): FieldViolation[] {
  const { tags = [] } = control ?? {};
  if (tags.length > bounds.cacheTags) {
    return [{ field: "cache_control.tags", description: `has ${tags.length} entries, at most ${bounds.cacheTags}` }];
  }
  return tags.flatMap((tag, index): FieldViolation[] => {
    if (tag.length <= bounds.cacheTagLength && /^[\w.:/-]+$/.test(tag)) return [];
    const description = `needs 1 to ${bounds.cacheTagLength} letters, digits and . _ : / -`;
    return [{ field: `cache_control.tags[${index}]`, description }];
  });
}

function promptViolations({ prompt, messages }: GenerateRequest): FieldViolation[] {
  if (prompt !== "" && messages.length > 0)
    return [{ field: "prompt", description: "set either prompt or messages, not both" }];
  if (messages.length > 0) return messageViolations(messages);
  if (prompt.trim() === "") return [{ field: "prompt", description: "is empty; set prompt or messages" }];
  return tooLong("prompt", prompt);
}

function messageViolations(messages: GenerateRequest["messages"]): FieldViolation[] {
  if (messages.length > bounds.messages) {
    return [{ field: "messages", description: `has ${messages.length} entries, at most ${bounds.messages} are taken` }];
  }
  const violations = messages.flatMap(({ role, content }, index): FieldViolation[] => {
    if (role === Role.UNSPECIFIED)
      return [{ field: `messages[${index}].role`, description: "set system, user or assistant" }];
    if (content.trim() === "") return [{ field: `messages[${index}].content`, description: "is empty" }];
    return [];
  });
  if (!messages.some(({ role }) => role === Role.USER)) {
    violations.push({ field: "messages", description: "needs at least one user message" });
  }
  return [...violations, ...tooLong("messages", messages.map(({ content }) => content).join(""))];
}

function tooLong(field: string, text: string): FieldViolation[] {
  const bytes = Buffer.byteLength(text);
  if (bytes <= bounds.promptBytes) return [];
  return [{ field, description: `has ${bytes} bytes, at most ${bounds.promptBytes} are taken` }];
}

type NumberField = Exclude<keyof SamplingParams, "stop" | "jsonSchema" | "grammar" | "$typeName" | "$unknown" | "seed">;

interface Range {
  field: string;
  min: number;
  max: number;
  aboveMin?: boolean;
}

const RANGES: Record<NumberField, Range> = {
  temperature: { field: "temperature", min: 0, max: 2 },
  topP: { field: "top_p", min: 0, max: 1, aboveMin: true },
  topK: { field: "top_k", min: 0, max: 1_000_000 },
  minP: { field: "min_p", min: 0, max: 1 },
  repetitionPenalty: { field: "repetition_penalty", min: 0.5, max: 2 },
  maxTokens: { field: "max_tokens", min: 1, max: bounds.maxTokens },
};

function samplingViolations(sampling: SamplingParams | undefined): FieldViolation[] {
  if (!sampling) return [];
  const violations = Object.entries(RANGES).flatMap(([key, range]): FieldViolation[] => {
    const value = sampling[key as NumberField];
    if (value === undefined) return [];
    const low = range.aboveMin ? value > range.min : value >= range.min;
    if (low && value <= range.max) return [];
    const from = range.aboveMin ? `above ${range.min}` : `from ${range.min}`;
    return [{ field: `sampling.${range.field}`, description: `${value} is out of range, ${from} to ${range.max}` }];
  });
  if (sampling.stop.length > bounds.stops) {
    violations.push({
      field: "sampling.stop",
      description: `has ${sampling.stop.length} texts, at most ${bounds.stops}`,
    });
  }
  sampling.stop.forEach((text, index) => {
    if (text.length >= 1 && text.length <= bounds.stopLength) return;
    violations.push({ field: `sampling.stop[${index}]`, description: `needs 1 to ${bounds.stopLength} characters` });
  });
  return [...violations, ...grammarViolations(sampling)];
}

/** Whether it can be followed is the engine's to say. */
function grammarViolations({ jsonSchema, grammar }: SamplingParams): FieldViolation[] {
  if (jsonSchema !== undefined && grammar !== undefined) {
    return [{ field: "sampling.grammar", description: "set either grammar or json_schema, not both" }];
  }
  const field = grammar === undefined ? "sampling.json_schema" : "sampling.grammar";
  const text = grammar ?? jsonSchema;
  if (text === undefined) return [];
  if (text.trim() === "") return [{ field, description: "is empty" }];
  const bytes = Buffer.byteLength(text);
  if (bytes <= bounds.grammarBytes) return [];
  return [{ field, description: `has ${bytes} bytes, at most ${bounds.grammarBytes} are taken` }];
}
