// What can go wrong inside a service, one class per cause. libs/rpc maps each kind to one gRPC code.

export interface FieldViolation {
  /** Path in the request, for example "sampling.temperature". */
  field: string;
  /** What is wrong and what would be right. */
  description: string;
}

export type ErrorKind =
  | "invalid-argument"
  | "out-of-range"
  | "not-found"
  | "unauthenticated"
  | "failed-precondition"
  | "overloaded"
  | "quota-exceeded"
  | "unavailable"
  | "deadline-exceeded"
  | "cancelled"
  | "internal";

export interface ErrorOptions {
  cause?: unknown;
}

interface Details extends ErrorOptions {
  violations?: readonly FieldViolation[];
  retryAfterMs?: number;
}

const RETRYABLE: ReadonlySet<ErrorKind> = new Set<ErrorKind>(["overloaded", "unavailable"]);

export class ChimeraError extends Error {
  override readonly name: string = "ChimeraError";
  readonly kind: ErrorKind;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the same call may succeed later, as long as nothing was delivered yet. */
  get isRetryable(): boolean {
    return RETRYABLE.has(this.kind);
  }
}

export class InvalidRequestError extends ChimeraError {
  override readonly name = "InvalidRequestError";
  constructor(violations: readonly FieldViolation[]) {
    super("invalid-argument", violations.map((v) => `${v.field}: ${v.description}`).join("; "), { violations });
  }
}

export class NotFoundError extends ChimeraError {
  override readonly name = "NotFoundError";
  constructor(message: string, field?: string) {
    super("not-found", message, field === undefined ? {} : { violations: [{ field, description: message }] });
  }
}

export class UnauthenticatedError extends ChimeraError {
  override readonly name = "UnauthenticatedError";
  constructor(message: string) {
    super("unauthenticated", message);
  }
}

export class OverloadedError extends ChimeraError {
  override readonly name = "OverloadedError";
  constructor(message: string, retryAfterMs: number) {
    super("overloaded", message, { retryAfterMs });
  }
}

export interface QuotaDetails extends ErrorOptions {
  /** When the quota has room again; undefined where that is not known. */
  retryAfterMs: number | undefined;
  /** Whose quota it is: a tenant. */
  subject: string;
  /** Which of its limits, for example "tokensPerS". */
  quota: string;
}

/** One tenant has used up what it may: no other replica would take the call, so nothing but its caller should repeat it. */
export class QuotaExceededError extends ChimeraError {
  override readonly name = "QuotaExceededError";
  readonly subject: string;
  readonly quota: string;
  constructor(message: string, { retryAfterMs, subject, quota, cause }: QuotaDetails) {
    super("quota-exceeded", message, { retryAfterMs, cause });
    this.subject = subject;
    this.quota = quota;
  }
}

export class UnavailableError extends ChimeraError {
  override readonly name = "UnavailableError";
  constructor(message: string, options: ErrorOptions = {}) {
    super("unavailable", message, options);
  }
}

export class CancelledError extends ChimeraError {
  override readonly name = "CancelledError";
  constructor(message: string, options: ErrorOptions = {}) {
    super("cancelled", message, options);
  }
}

export class DeadlineExceededError extends ChimeraError {
  override readonly name = "DeadlineExceededError";
  constructor(message: string, options: ErrorOptions = {}) {
    super("deadline-exceeded", message, options);
  }
}

export class FailedPreconditionError extends ChimeraError {
  override readonly name = "FailedPreconditionError";
  constructor(message: string, options: ErrorOptions = {}) {
    super("failed-precondition", message, options);
  }
}

export class InternalError extends ChimeraError {
  override readonly name = "InternalError";
  constructor(message: string, options: ErrorOptions = {}) {
    super("internal", message, options);
  }
}
