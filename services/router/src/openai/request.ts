// The OpenAI request as this mesh understands it. A field nobody here acts on is refused by name, unless its value changes
// nothing: silently ignoring what a caller asked for would be worse.
import { create } from "@bufbuild/protobuf";
import { MessageSchema, RequestClass, Role, SamplingParamsSchema } from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { z } from "zod";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const message = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.union([z.string(), z.array(textPart).min(1).max(64)]),
  name: z.string().optional(),
});
const neutral = <T extends string | number | boolean>(value: T) => z.literal(value).nullish();
const number = (min: number, max: number) => z.number().min(min).max(max).nullish();

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string().min(1).max(64),
      description: z.string().optional(),
      schema: z.record(z.string(), z.unknown()),
      // An answer always follows its schema here.
      strict: z.boolean().nullish(),
    }),
  }),
]);

// What both endpoints take.
const common = {
  model: z.string().default(""),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  temperature: number(0, 2),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.number().int().min(0).max(4294967295).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(8)]).nullish(),
  // "flex" waits behind everybody else.
  service_tier: z.enum(["auto", "default", "priority", "flex"]).nullish(),
  // Accepted by many servers of this kind under these names.
  top_k: z.number().int().min(0).nullish(),
  min_p: number(0, 1),
  repetition_penalty: number(0.5, 2),
  // Tell the service who or what asks; they do not change the answer.
  user: z.string().optional(),
  // Only their neutral values are served.
  n: neutral(1),
  presence_penalty: neutral(0),
  frequency_penalty: neutral(0),
};

const chatCompletion = z.strictObject({
  ...common,
  messages: z.array(message).min(1),
  max_completion_tokens: z.number().int().min(1).nullish(),
  response_format: responseFormat.nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  store: neutral(false),
  logprobs: neutral(false),
});

const completion = z.strictObject({
  ...common,
  prompt: z.union([z.string(), z.array(z.string()).length(1)]),
  best_of: neutral(1),
  echo: neutral(false),
  logprobs: z.null().optional(),
  suffix: neutral(""),
});

export type ChatCompletionRequest = z.output<typeof chatCompletion>;
export type CompletionRequest = z.output<typeof completion>;
/** How the answer is wanted. */
export type Streaming = Pick<ChatCompletionRequest, "stream" | "stream_options">;

const ROLES = { system: Role.SYSTEM, developer: Role.SYSTEM, user: Role.USER, assistant: Role.ASSISTANT } as const;

/** Throws InvalidRequestError that names the first wrong fields by their JSON path. */
export function parseChatCompletion(body: unknown): ChatCompletionRequest {
  return parse(chatCompletion, body);
}

/** Throws as parseChatCompletion(). */
export function parseCompletion(body: unknown): CompletionRequest {
  return parse(completion, body);
}

function parse<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InvalidRequestError(parsed.error.issues.flatMap(toViolations));
}

function toViolations(issue: z.core.$ZodIssue): FieldViolation[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: pathOf([...issue.path, key]), description: "is not a field known here" }));
  }
  return [{ field: pathOf(issue.path), description: issue.message }];
}

function pathOf(path: readonly PropertyKey[]): string {
  return (
    path.reduce<string>(
      (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text && "."}${String(key)}`),
      "",
    ) || "body"
  );
}

export function toChatRequest(asked: ChatCompletionRequest): GenerateRequest {
  return create(GenerateRequestSchema, {
    ...commonOf(asked),
    messages: asked.messages.map(({ role, content }) =>
      create(MessageSchema, { role: ROLES[role], content: typeof content === "string" ? content : joined(content) }),
    ),
    sampling: samplingOf(asked, {
      maxTokens: asked.max_completion_tokens ?? asked.max_tokens ?? undefined,
      jsonSchema: jsonSchemaOf(asked.response_format),
    }),
  });
}

export function toPromptRequest(asked: CompletionRequest): GenerateRequest {
  const prompt = typeof asked.prompt === "string" ? asked.prompt : asked.prompt.join("");
  return create(GenerateRequestSchema, {
    ...commonOf(asked),
    prompt,
    sampling: samplingOf(asked, { maxTokens: asked.max_tokens ?? undefined }),
  });
}

type Common = Omit<CompletionRequest, "prompt" | "best_of" | "echo" | "logprobs" | "suffix">;

function commonOf({ model, service_tier: tier }: Common) {
  return { model, class: tier === "flex" ? RequestClass.BATCH : RequestClass.UNSPECIFIED };
}

function samplingOf(asked: Common, own: { maxTokens?: number | undefined; jsonSchema?: string | undefined }) {
  return create(SamplingParamsSchema, {
    temperature: asked.temperature ?? undefined,
    topP: asked.top_p ?? undefined,
    topK: asked.top_k ?? undefined,
    minP: asked.min_p ?? undefined,
    repetitionPenalty: asked.repetition_penalty ?? undefined,
    seed: asked.seed ?? undefined,
    stop: typeof asked.stop === "string" ? [asked.stop] : (asked.stop ?? []),
    ...own,
  });
}

function jsonSchemaOf(format: ChatCompletionRequest["response_format"]): string | undefined {
  switch (format?.type) {
    case "json_schema":
      return JSON.stringify(format.json_schema.schema);
    case "json_object":
      return JSON.stringify({ type: "object" });
    default:
      return undefined;
  }
}

function joined(parts: readonly { text: string }[]): string {
  return parts.map(({ text }) => text).join("");
}
