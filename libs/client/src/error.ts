// The one error that calls of this package end with.

/** The canonical names of gRPC's status codes. */
export type StatusCode =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

export interface FieldViolation {
  /** Path in the request, for example "sampling.temperature". */
  field: string;
  /** What is wrong and what would be right. */
  description: string;
}

/** What had arrived of an answer before it was cut. */
export interface PartialAnswer {
  text: string;
  /** The seq of the delta that would have come next. */
  nextSeq: number;
}

export interface ErrorDetails {
  fieldViolations?: readonly FieldViolation[];
  retryAfterMs?: number | undefined;
  requestId?: string | undefined;
  traceId?: string | undefined;
  partial?: PartialAnswer | undefined;
  attempts?: number | undefined;
  cause?: unknown;
}

export class ChimeraClientError extends Error {
  override readonly name = "ChimeraClientError";
  readonly code: StatusCode;
  /** The fields of the request that were refused; empty where it was something else. */
  readonly fieldViolations: readonly FieldViolation[];
  /** When the server wants to hear from us again. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  /** Set where the answer was cut after its first delta. */
  readonly partial: PartialAnswer | undefined;
  /** How often the call was tried. */
  readonly attempts: number;

  constructor(code: StatusCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fieldViolations = details.fieldViolations ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
    this.traceId = details.traceId;
    this.partial = details.partial;
    this.attempts = details.attempts ?? 1;
  }
}

/** The same error, knowing more. */
export function withDetails(error: ChimeraClientError, more: ErrorDetails): ChimeraClientError {
  const { code, message, fieldViolations, retryAfterMs, requestId, traceId, partial, attempts, cause } = error;
  const known = { fieldViolations, retryAfterMs, requestId, traceId, partial, attempts, cause };
  const better = new ChimeraClientError(code, message, { ...known, ...more });
  if (error.stack !== undefined) better.stack = error.stack;
  return better;
}

export function cancelled(message: string, cause?: unknown): ChimeraClientError {
  return new ChimeraClientError("CANCELLED", message, { cause });
}

export function misuse(field: string, description: string): ChimeraClientError {
  return new ChimeraClientError("INVALID_ARGUMENT", `${field}: ${description}`, {
    fieldViolations: [{ field, description }],
  });
}
