// The formats of traces, each from a line to a request. A line that does not fit is an error with its file, number and field.
import { hash } from "node:crypto";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { RequestFinishedSchema } from "@chimera/contracts/events";
import { FailedPreconditionError, type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { z } from "zod";
import { type Line, readLines } from "./lines.ts";
import { modelledBytes, modelledTtftMs, type Trace, type TraceRequest } from "./trace.ts";

export const TRACE_FORMATS = ["mooncake", "bailian", "azure", "log", "jsonl"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** Undefined where the line is no request for an answer that a cache could have. */
type Parse = (json: unknown) => TraceRequest | undefined;

const tokens = z.number().int().min(0).max(100_000_000);

/** Mooncake and Qwen-Bailian: the blocks of a prompt, hashed. The same list is the same prompt. */
const hashed = z.object({ input_length: tokens, output_length: tokens, hash_ids: z.array(z.number()).min(1) });

/** Our own, for traces of other origins. */
const plain = z.object({
  key: z.string().min(1).max(1024),
  prompt_tokens: tokens,
  completion_tokens: tokens,
  bytes: z.number().int().positive().optional(),
  ttft_ms: z.number().min(0).optional(),
});

const PARSERS: Record<Exclude<TraceFormat, "azure">, Parse> = {
  mooncake: parseHashed,
  bailian: parseHashed,
  log: parseLogged,
  jsonl: parsePlain,
};

/**
 * Throws while it is read: InvalidRequestError for a line that does not fit, FailedPreconditionError for a format that no cache can be
 * simulated with.
 */
export function openTrace(path: string, format?: TraceFormat): Trace {
  return async function* () {
    let parse = format && parserOf(format, path);
    for await (const line of readLines(path)) {
      parse ??= parserOf(detect(line, path), path);
      const request = parsed(parse, line, path);
      if (request !== undefined) yield request;
    }
  };
}

function parserOf(format: TraceFormat, path: string): Parse {
  if (format !== "azure") return PARSERS[format];
  throw new FailedPreconditionError(
    `${path} tells when requests came and how long they were, but not which of them were the same: no hit can be found in it. Use a trace with hash_ids (mooncake, bailian), an export of RequestFinished events (log), or --synthetic.`,
  );
}

/** By its first line. */
function detect({ text }: Line, path: string): TraceFormat {
  if (/\bContextTokens\b/.test(text)) return "azure";
  const marks: readonly [TraceFormat, RegExp][] = [
    ["bailian", /"chat_id"\s*:/],
    ["mooncake", /"hash_ids"\s*:/],
    ["log", /"(request_?id|cache_?key)"\s*:/i],
    ["jsonl", /"key"\s*:/],
  ];
  const found = marks.find(([, mark]) => mark.test(text));
  if (found !== undefined) return found[0];
  const description = `is in no known format; name one of ${TRACE_FORMATS.join(", ")} with --format`;
  throw new InvalidRequestError([{ field: `${path}:1`, description }]);
}

function parsed(parse: Parse, { text, number }: Line, path: string): TraceRequest | undefined {
  try {
    return parse(JSON.parse(text));
  } catch (error) {
    throw new InvalidRequestError(
      violations(error).map(({ field, description }) => {
        return { field: `${path}:${number}${field && ` ${field}`}`, description };
      }),
    );
  }
}

function violations(error: unknown): FieldViolation[] {
  if (error instanceof z.ZodError) {
    return error.issues.map(({ path, message }) => ({ field: path.map(String).join("."), description: message }));
  }
  return [{ field: "", description: error instanceof Error ? error.message : String(error) }];
}

function parseHashed(json: unknown): TraceRequest {
  const { input_length: promptTokens, output_length: completionTokens, hash_ids: ids } = hashed.parse(json);
  // 64 bits: in a hundred million prompts no two are expected to be taken for one.
  return withModel({ key: hash("sha256", ids.join(), "hex").slice(0, 16), promptTokens, completionTokens });
}

function parsePlain(json: unknown): TraceRequest {
  const { key, prompt_tokens, completion_tokens, bytes, ttft_ms } = plain.parse(json);
  return withModel({ key, promptTokens: prompt_tokens, completionTokens: completion_tokens, bytes, ttftMs: ttft_ms });
}

/** Requests that never asked a cache, or have no answer, say nothing about one. */
function parseLogged(json: unknown): TraceRequest | undefined {
  const event = fromJson(RequestFinishedSchema, json as JsonValue, { ignoreUnknownFields: true });
  const { cacheKey, usage, workload, tenant } = event;
  if (cacheKey === "" || usage === undefined || workload !== "") return undefined;
  const { promptTokens, completionTokens } = usage;
  // What a hit took says nothing about what its answer took to make.
  const ttftMs = event.attempts > 0 ? event.ttftMs : undefined;
  return withModel({ key: `${tenant}:${cacheKey}`, promptTokens, completionTokens, ttftMs });
}

interface KnownParts {
  key: string;
  promptTokens: number;
  completionTokens: number;
  bytes?: number | undefined;
  ttftMs?: number | undefined;
}

function withModel({ key, promptTokens, completionTokens, bytes, ttftMs }: KnownParts): TraceRequest {
  return {
    key,
    promptTokens,
    completionTokens,
    bytes: bytes ?? modelledBytes(completionTokens),
    ttftMs: ttftMs ?? modelledTtftMs(promptTokens),
  };
}
