// A request off the wire to a request for the engine: everything that can be refused by looking at it is refused here.
import { type Message, Role, type SamplingParams } from "@chimera/contracts/common";
import type { GenerateRequest, Resume, WarmPrefixRequest } from "@chimera/contracts/inference";
import { type FieldViolation, InvalidRequestError, NotFoundError } from "@chimera/kernel";
import type {
  BegunAnswer,
  EngineInput,
  EngineMessage,
  EngineRequest,
  Grammar,
  MessageRole,
  Sampling,
} from "./engine/engine.ts";
import { samplingViolations } from "./engine/sampling.ts";

export interface PromptLimits {
  /** The one model of this replica. */
  model: string;
  /** Bytes of all message contents, or of the prompt, as UTF-8; and of an answer that goes on here. */
  maxPromptBytes: number;
}

export interface RequestLimits extends PromptLimits {
  /** Prompt and answer of one request together. */
  contextTokens: number;
}

const MAX_REQUEST_ID_CHARACTERS = 128;
const MAX_MESSAGES = 1024;

const ROLES: Readonly<Record<number, MessageRole>> = {
  [Role.SYSTEM]: "system",
  [Role.USER]: "user",
  [Role.ASSISTANT]: "assistant",
};

/** Throws NotFoundError for another model, else InvalidRequestError with every violation at once. */
export function validateGenerate(request: GenerateRequest, limits: RequestLimits): EngineRequest {
  refuseOtherModel(request.model, limits);
  const sampling = samplingOf(request.sampling);
  const violations = requestIdViolations(request.requestId);
  const input = readInput(request, limits, violations);
  violations.push(...samplingViolations(sampling), ...constraintViolations(request.sampling));
  violations.push(...resumeViolations(request.resume, limits));
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return { input, sampling, resume: request.resume && begunAnswer(request.resume) };
}

/** Throws as validateGenerate(). */
export function validateWarmPrefix(request: WarmPrefixRequest, limits: PromptLimits): EngineInput {
  refuseOtherModel(request.model, limits);
  const violations: FieldViolation[] = [];
  const input = readInput(request, limits, violations);
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return input;
}

function refuseOtherModel(model: string, limits: PromptLimits): void {
  if (model === "" || model === limits.model) return;
  throw new NotFoundError(`model "${clip(model)}" is not served here; this replica serves "${limits.model}"`, "model");
}

type Input = Pick<GenerateRequest, "messages" | "prompt">;

/** What is well formed of it; the rest becomes violations. */
function readInput(request: Input, limits: PromptLimits, violations: FieldViolation[]): EngineInput {
  violations.push(...inputViolations(request, limits));
  const messages = readMessages(request.messages, violations);
  return messages.length > 0 ? { kind: "messages", messages } : { kind: "prompt", prompt: request.prompt };
}

function requestIdViolations(requestId: string): FieldViolation[] {
  if (requestId.length <= MAX_REQUEST_ID_CHARACTERS) return [];
  const description = `has ${requestId.length} characters; at most ${MAX_REQUEST_ID_CHARACTERS} are allowed`;
  return [{ field: "request_id", description }];
}

function inputViolations({ messages, prompt }: Input, { maxPromptBytes }: PromptLimits): FieldViolation[] {
  if (messages.length > 0 && prompt !== "")
    return [{ field: "prompt", description: "give messages or prompt, not both" }];
  if (messages.length === 0 && prompt === "")
    return [{ field: "messages", description: "is empty; give messages or a prompt" }];
  const field = prompt === "" ? "messages" : "prompt";
  if (messages.length > MAX_MESSAGES) {
    return [{ field, description: `has ${messages.length} messages; at most ${MAX_MESSAGES} are allowed` }];
  }
  const bytes = [prompt, ...messages.map((message) => message.content)].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  if (bytes <= maxPromptBytes) return [];
  return [{ field, description: `has ${bytes} bytes; at most ${maxPromptBytes} are allowed` }];
}

/** The messages that are well formed; the others become violations. */
function readMessages(messages: readonly Message[], violations: FieldViolation[]): EngineMessage[] {
  return messages.flatMap(({ role: wireRole, content }, index) => {
    const role = ROLES[wireRole];
    if (role === undefined) {
      const description = "is unknown; it must be ROLE_SYSTEM, ROLE_USER or ROLE_ASSISTANT";
      violations.push({ field: `messages[${index}].role`, description });
      return [];
    }
    if (role === "user" && content.trim() === "") {
      violations.push({ field: `messages[${index}].content`, description: "is blank; a user message needs text" });
    }
    return [{ role, content }];
  });
}

/** An empty stop list means unset: the wire can not tell the two apart. */
function samplingOf(params: SamplingParams | undefined): Partial<Sampling> {
  if (!params) return {};
  const { temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens, stop } = params;
  return {
    temperature,
    topP,
    topK,
    minP,
    repetitionPenalty,
    seed,
    maxTokens,
    stop: stop.length > 0 ? stop : undefined,
    grammar: grammarOf(params),
  };
}

function grammarOf({ jsonSchema, grammar }: SamplingParams): Grammar | undefined {
  if (jsonSchema !== undefined) return { kind: "json-schema", text: jsonSchema };
  return grammar === undefined ? undefined : { kind: "gbnf", text: grammar };
}

function constraintViolations(params: SamplingParams | undefined): FieldViolation[] {
  if (params?.jsonSchema === undefined || params.grammar === undefined) return [];
  return [{ field: "sampling.grammar", description: "give grammar or json_schema, not both" }];
}

function resumeViolations(resume: Resume | undefined, limits: RequestLimits): FieldViolation[] {
  if (!resume) return [];
  const { text, tokenIds, nextSeq } = resume;
  const { maxPromptBytes, contextTokens } = limits;
  const violations: FieldViolation[] = [];
  const refuse = (field: string, description: string) => violations.push({ field: `resume.${field}`, description });
  const bytes = Buffer.byteLength(text);
  if (bytes > maxPromptBytes) refuse("text", `has ${bytes} bytes; at most ${maxPromptBytes} are allowed`);
  if (tokenIds.length > contextTokens) {
    refuse("token_ids", `has ${tokenIds.length} tokens; prompt and answer share a context of ${contextTokens}`);
  }
  // Every delta has a token, but for one at the end.
  if (nextSeq > contextTokens + 1) {
    refuse("next_seq", `is ${nextSeq}; an answer in a context of ${contextTokens} tokens has no such delta`);
  }
  if (nextSeq === 0 && text !== "") refuse("next_seq", "is 0 although text was sent; give the seq of the next delta");
  return violations;
}

function begunAnswer({ text, tokenIds, modelVersion }: Resume): BegunAnswer {
  return { text, tokenIds, modelVersion };
}

function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
