// What the server's refusals and breakdowns mean to our caller: whose fault it is, which field, and whether trying again helps.
import {
  ChimeraError,
  FailedPreconditionError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "@chimera/kernel";
import type { EngineInput } from "../engine.ts";
import { describeFailure, type ServerFailure } from "./server-failure.ts";

/** Where a busy server names no time. */
const RETRY_AFTER_MS = 500;

export interface FailedRequest {
  inputKind: EngineInput["kind"];
  contextTokens: number;
}

/** The server was silent for longer than allowed. Sending the request again would take as long. */
export class ServerSilentError extends UnavailableError {}

/** A status other than 200, with what the server wrote beside it. */
export function refusalOf(
  response: { status: number; text: string; retryAfterMs: number | undefined },
  request: FailedRequest,
): ChimeraError {
  return classify(response.status, { ...describeFailure(response.text), retryAfterMs: response.retryAfterMs }, request);
}

/** An error, as JSON, that came as an event of the stream, long after the status line said 200. */
export function streamFailureOf(error: string, request: FailedRequest): ChimeraError {
  const failure = describeFailure(`{"error":${error}}`);
  return classify(failure.status ?? STATUS_OF_TYPE[failure.type] ?? 500, failure, request);
}

/** The types that are used where an event carries no number. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  BadRequestError: 400,
  not_found_error: 404,
  rate_limit_error: 429,
  overloaded_error: 503,
};

/** What happened to the connection itself. */
export function connectionFailure(error: unknown): ChimeraError {
  if (error instanceof ChimeraError) return error;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
  return new UnavailableError(`the connection to the model server failed${code}`, { cause: error });
}

type Classified = ServerFailure & { retryAfterMs?: number | undefined };

function classify(status: number, failure: Classified, request: FailedRequest): ChimeraError {
  const said = failure.message === "" ? "" : `: ${failure.message}`;
  if (failure.code === "insufficient_quota") return precondition(`refuses this account${said}`);
  if (status === 401 || status === 403) return precondition("refused this replica's key");
  if (failure.code === "model_not_found")
    return new NotFoundError(`the model server has no such model${said}`, "model");
  if (status === 404) return notFound(failure, request);
  if (status === 400 || status === 413 || status === 422) return invalid(failure, request);
  if (status === 429 || status === 503 || status === 529) {
    return new OverloadedError(`the model server is busy${said}`, failure.retryAfterMs ?? RETRY_AFTER_MS);
  }
  if (status === 408 || status === 409 || status === 425 || status >= 500) {
    // What a server says of its own breakdown may show its inside: that is for the log alone.
    return new UnavailableError(`the model server failed with status ${status}`, { cause: failure.message });
  }
  return precondition(`answered with status ${status}${said}`);
}

function precondition(what: string): FailedPreconditionError {
  return new FailedPreconditionError(`the model server ${what}`);
}

/** vLLM and Ollama answer so for a model; most others only for a path. */
function notFound({ message }: ServerFailure, { inputKind }: FailedRequest): ChimeraError {
  if (/\bmodel\b/i.test(message)) return new NotFoundError(`the model server has no such model: ${message}`, "model");
  const other = inputKind === "prompt" ? "messages" : "prompt";
  return precondition(`takes no ${inputKind}; send ${other}`);
}

const CONTEXT_CODES: ReadonlySet<string> = new Set(["context_length_exceeded", "exceed_context_size_error"]);
const CONTEXT_WORDS = /context (length|size|window)|maximum context|max_model_len|exceeds? .*context/i;

function invalid(failure: ServerFailure, { inputKind, contextTokens }: FailedRequest): InvalidRequestError {
  const { message, code, type, param } = failure;
  const description = message || "is not accepted by the model server";
  const isTooLong = CONTEXT_CODES.has(code) || CONTEXT_CODES.has(type) || CONTEXT_WORDS.test(message);
  if (isTooLong && !param.startsWith("sampling.")) {
    const tooLong = `does not fit with its answer into a context of ${contextTokens}: ${description}`;
    return new InvalidRequestError([{ field: inputKind, description: tooLong }]);
  }
  return new InvalidRequestError([{ field: fieldOf(param), description }]);
}

const SAMPLING_FIELDS: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  min_p: "min_p",
  repetition_penalty: "repetition_penalty",
  repeat_penalty: "repetition_penalty",
  seed: "seed",
  max_tokens: "max_tokens",
  max_completion_tokens: "max_tokens",
  stop: "stop",
};

/** Our name of a parameter, so that the caller finds it in what it sent. */
function fieldOf(param: string): string {
  const sampling = SAMPLING_FIELDS[param.replace(/^sampling\./, "")];
  if (sampling !== undefined) return `sampling.${sampling}`;
  const head = /^(messages|prompt|model)\b/.exec(param)?.[0];
  return head ?? "request";
}
