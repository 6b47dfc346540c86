// Our errors in the shape and with the status that OpenAI clients know.
import { ChimeraError, type ErrorKind } from "@chimera/kernel";
import { fromConnectError, toConnectError } from "@chimera/rpc";
import { NotStoredError } from "../path/cache-lookup.ts";

interface Mapped {
  status: number;
  type: string;
}

const MAPPED: Record<ErrorKind, Mapped> = {
  "invalid-argument": { status: 400, type: "invalid_request_error" },
  "out-of-range": { status: 400, type: "invalid_request_error" },
  "failed-precondition": { status: 400, type: "invalid_request_error" },
  "not-found": { status: 404, type: "invalid_request_error" },
  unauthenticated: { status: 401, type: "authentication_error" },
  "quota-exceeded": { status: 429, type: "rate_limit_error" },
  overloaded: { status: 503, type: "overloaded_error" },
  unavailable: { status: 503, type: "server_error" },
  "deadline-exceeded": { status: 504, type: "timeout_error" },
  cancelled: { status: 499, type: "cancelled" },
  internal: { status: 500, type: "server_error" },
};

/** What RFC 9111 has for only-if-cached. */
const NOT_STORED: Mapped = { status: 504, type: "not_stored_error" };

export interface HttpError {
  status: number;
  headers: Record<string, string>;
  body: { error: { message: string; type: string; param: string | null; code: string | null } };
}

/** What is not ours becomes a 500 that says nothing of its inside; `onUnknown` gets it for the log. */
export function toHttpError(error: unknown, onUnknown: (error: unknown) => void): HttpError {
  const connectError = toConnectError(error, onUnknown);
  const ours = connectError.cause instanceof ChimeraError ? connectError.cause : fromConnectError(connectError);
  const { status, type } = ours instanceof NotStoredError ? NOT_STORED : MAPPED[ours.kind];
  const field = ours.violations[0]?.field ?? null;
  const retryAfterS = ours.retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(ours.retryAfterMs / 1000));
  return {
    status,
    headers: retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) },
    body: { error: { message: ours.message, type, param: field, code: codeOf(ours, field) } },
  };
}

/** The codes that OpenAI clients tell errors of one status apart by. */
function codeOf(error: ChimeraError, field: string | null): string | null {
  const { kind } = error;
  if (error instanceof NotStoredError) return "not_stored";
  if (kind === "quota-exceeded") return "rate_limit_exceeded";
  return kind === "not-found" && field === "model" ? "model_not_found" : null;
}
