// One event of an answer, reduced to what this engine acts on, whether it comes from a chat or from a text completion.
import { UnavailableError } from "@chimera/kernel";
import { z } from "zod";

const count = z.number().int().nonnegative();

const chunkSchema = z.object({
  choices: z
    .array(
      z.object({
        index: z.number().nullish(),
        delta: z.object({ content: z.string().nullish() }).nullish(),
        text: z.string().nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z
    .object({
      prompt_tokens: count.nullish(),
      completion_tokens: count.nullish(),
      prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
    })
    .nullish(),
  error: z.unknown().optional(),
});

/** What a server says it counted; a server may send it with every chunk, growing. */
export interface ServerUsage {
  promptTokens: number;
  /** Undefined where the server does not tell. */
  cachedTokens: number | undefined;
  completionTokens: number;
}

export interface Chunk {
  /** "" where the chunk brings none, as the one that only names the role. */
  text: string;
  finishReason: string | undefined;
  usage: ServerUsage | undefined;
  /** Set where the event is a failure instead. */
  error: unknown;
}

/** Throws UnavailableError where the data is no chunk. */
export function parseChunk(data: string): Chunk {
  const parsed = chunkSchema.safeParse(parseJson(data));
  if (!parsed.success) throw notAChunk();
  const { choices, usage, error } = parsed.data;
  // Some servers put an empty error into every chunk.
  if (error !== undefined && error !== null) return { text: "", finishReason: undefined, usage: undefined, error };
  const choice = choices?.find(({ index }) => (index ?? 0) === 0);
  return {
    text: choice?.delta?.content ?? choice?.text ?? "",
    finishReason: choice?.finish_reason ?? undefined,
    usage: usage ? toUsage(usage) : undefined,
    error: undefined,
  };
}

function toUsage(usage: NonNullable<z.output<typeof chunkSchema>["usage"]>): ServerUsage {
  return {
    promptTokens: usage.prompt_tokens ?? 0,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? undefined,
    completionTokens: usage.completion_tokens ?? 0,
  };
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw notAChunk();
  }
}

function notAChunk(): UnavailableError {
  return new UnavailableError("the model server sent an event that is no completion chunk");
}
