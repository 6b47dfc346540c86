// What a caller asks, in plain objects, and the same as the messages of the contract.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { CachePolicy, RequestClass, Role, type SamplingParamsSchema } from "@chimera/contracts/common";
import type { ChatTurnSchema, GenerateRequestSchema } from "@chimera/contracts/router";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** How the next token is chosen. A field left out means the model's default, which is not zero. */
export interface Sampling {
  /** 0 is greedy. Range 0 to 2. */
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  repetitionPenalty?: number;
  /** Makes sampling above temperature 0 repeatable. */
  seed?: number;
  maxTokens?: number;
  /** Texts that end the answer; they are not part of it. */
  stop?: string[];
  /** A JSON Schema that the answer follows, as text or as an object. */
  jsonSchema?: string | object;
  /** A GBNF grammar that the answer follows. */
  grammar?: string;
}

export interface CacheControl {
  /** Seconds it is served as fresh; the cache's own limit where left out, which also is the most. */
  ttlS?: number;
  /** Seconds after that in which it is still served while a new one is made. */
  staleS?: number;
  /** Names to invalidate it by: at most 8, each 1 to 64 letters, digits and . _ : / - */
  tags?: string[];
}

export interface AnswerOptions {
  sampling?: Sampling;
  /**
   * default: deterministic answers are looked up and stored. bypass: neither. refresh: made anew, then stored.
   * allow-sampled: looked up and stored even where sampling is not deterministic. only-if-cached: looked up alone; where nothing
   * is stored the call fails with NOT_FOUND.
   */
  cachePolicy?: "default" | "bypass" | "refresh" | "allow-sampled" | "only-if-cached";
  /** How the answer is kept; does not change which answer it is. */
  cacheControl?: CacheControl;
  /** batch is served with what interactive requests leave over. */
  class?: "interactive" | "batch";
}

interface RequestBase extends AnswerOptions {
  /** May be left out where the mesh serves one model. */
  model?: string;
  /** Chosen by the caller to find the request again: 1 to 64 letters, digits, and . _ : - */
  requestId?: string;
}

/** Either a conversation, rendered by the model's own template, or a prompt taken as it is. */
export type GenerateInput = RequestBase &
  ({ messages: readonly ChatMessage[]; prompt?: undefined } | { prompt: string; messages?: undefined });

const ROLES = { system: Role.SYSTEM, user: Role.USER, assistant: Role.ASSISTANT } as const;

const CACHE_POLICIES = {
  default: CachePolicy.UNSPECIFIED,
  bypass: CachePolicy.BYPASS,
  refresh: CachePolicy.REFRESH,
  "allow-sampled": CachePolicy.ALLOW_SAMPLED,
  "only-if-cached": CachePolicy.ONLY_IF_CACHED,
} as const;

const CLASSES = { interactive: RequestClass.INTERACTIVE, batch: RequestClass.BATCH } as const;

export function toGenerateRequest(input: GenerateInput): MessageInitShape<typeof GenerateRequestSchema> {
  const { model, requestId, messages = [], prompt } = input;
  return {
    ...(model !== undefined && { model }),
    ...(requestId !== undefined && { requestId }),
    ...(prompt !== undefined && { prompt }),
    // A role that JavaScript made up stays unset; the router names it.
    messages: messages.map(({ role, content }) => ({ role: ROLES[role] ?? Role.UNSPECIFIED, content })),
    ...toAnswerOptions(input),
  };
}

export function toAnswerOptions({
  sampling,
  cachePolicy,
  cacheControl,
  class: requestClass,
}: AnswerOptions): Omit<MessageInitShape<typeof ChatTurnSchema>, "$typeName"> {
  return {
    ...(sampling && { sampling: toSampling(sampling) }),
    ...(cachePolicy && { cachePolicy: CACHE_POLICIES[cachePolicy] }),
    ...(cacheControl && { cacheControl }),
    ...(requestClass && { class: CLASSES[requestClass] }),
  };
}

function toSampling({ jsonSchema, ...rest }: Sampling): MessageInitShape<typeof SamplingParamsSchema> {
  if (jsonSchema === undefined) return rest;
  return { ...rest, jsonSchema: typeof jsonSchema === "string" ? jsonSchema : JSON.stringify(jsonSchema) };
}
