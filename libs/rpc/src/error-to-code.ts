// The one place where our errors become gRPC codes and details. What is not ours leaves as INTERNAL and says nothing.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, RetryInfoSchema } from "@chimera/contracts/google-rpc";
import {
  CancelledError,
  ChimeraError,
  DeadlineExceededError,
  type ErrorKind,
  QuotaExceededError,
} from "@chimera/kernel";
import { Code, ConnectError } from "@connectrpc/connect";

const CODES: Record<ErrorKind, Code> = {
  "invalid-argument": Code.InvalidArgument,
  "out-of-range": Code.OutOfRange,
  "not-found": Code.NotFound,
  unauthenticated: Code.Unauthenticated,
  "failed-precondition": Code.FailedPrecondition,
  // Another replica may have room, so this is not RESOURCE_EXHAUSTED, which tells clients to stop.
  overloaded: Code.Unavailable,
  "quota-exceeded": Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  "deadline-exceeded": Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  internal: Code.Internal,
};

/** `onUnknown` gets what is not a ChimeraError or ConnectError, for the log. */
export function toConnectError(error: unknown, onUnknown?: (error: unknown) => void): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof ChimeraError) return fromChimeraError(error);
  if (isLeaving(error)) return new ConnectError("the call was cancelled", Code.Canceled);
  if (error instanceof Error && error.name === "TimeoutError") {
    return new ConnectError("the deadline passed", Code.DeadlineExceeded);
  }
  onUnknown?.(error);
  return new ConnectError("internal error; the service's log has the details", Code.Internal);
}

/** A caller that is gone: by its own signal, or in the middle of its request. */
function isLeaving(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || (error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE";
}

function fromChimeraError(error: ChimeraError): ConnectError {
  const code = CODES[error.kind];
  const connectError = new ConnectError(error.message, code, undefined, undefined, error);
  if (error.violations.length > 0) {
    connectError.details.push({
      desc: BadRequestSchema,
      value: { fieldViolations: error.violations.map(({ field, description }) => ({ field, description })) },
    });
  }
  if (error.retryAfterMs !== undefined) {
    const retryDelay = create(DurationSchema, {
      seconds: BigInt(Math.floor(error.retryAfterMs / 1000)),
      nanos: Math.round((error.retryAfterMs % 1000) * 1e6),
    });
    connectError.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  if (error instanceof QuotaExceededError) connectError.details.push(quotaFailure(error));
  return connectError;
}

const QUOTA_FAILURE = "google.rpc.QuotaFailure";

/** On the wire a QuotaFailure is what a BadRequest is: a list of pairs, of a subject and a description here. */
function quotaFailure({ subject, quota }: QuotaExceededError): { type: string; value: Uint8Array<ArrayBuffer> } {
  const pairs = create(BadRequestSchema, { fieldViolations: [{ field: subject, description: quota }] });
  return { type: QUOTA_FAILURE, value: toBinary(BadRequestSchema, pairs) };
}

/** Undefined where there is no QuotaFailure, or none that can be read. */
function quotaOf(error: ConnectError): { subject: string; quota: string } | undefined {
  const detail = error.details.find((each) => "type" in each && each.type === QUOTA_FAILURE);
  if (!detail || !("type" in detail)) return undefined;
  try {
    const violation = fromBinary(BadRequestSchema, detail.value).fieldViolations[0];
    return violation && { subject: violation.field, quota: violation.description };
  } catch {
    return undefined;
  }
}

const KINDS = new Map<Code, ErrorKind>([
  [Code.InvalidArgument, "invalid-argument"],
  [Code.OutOfRange, "out-of-range"],
  [Code.NotFound, "not-found"],
  [Code.Unauthenticated, "unauthenticated"],
  [Code.FailedPrecondition, "failed-precondition"],
  [Code.ResourceExhausted, "overloaded"],
  [Code.Unavailable, "unavailable"],
  [Code.DeadlineExceeded, "deadline-exceeded"],
  [Code.Canceled, "cancelled"],
]);

/** The error of a call to another service, as one of ours: kind, field violations and retry delay survive the hop. */
export function fromConnectError(error: unknown): ChimeraError {
  if (error instanceof ChimeraError) return error;
  const connectError = ConnectError.from(error);
  const kind = KINDS.get(connectError.code) ?? "internal";
  if (kind === "cancelled") return new CancelledError(connectError.rawMessage, { cause: error });
  if (kind === "deadline-exceeded") return new DeadlineExceededError(connectError.rawMessage, { cause: error });
  const violations = connectError.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  const delay = connectError.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const retryAfterMs = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  // A message over the size limit has the same code: only what names a quota is one.
  const quota = connectError.code === Code.ResourceExhausted ? quotaOf(connectError) : undefined;
  if (quota) {
    return new QuotaExceededError(connectError.rawMessage, { ...quota, retryAfterMs, cause: error });
  }
  return new ChimeraError(kind, connectError.rawMessage, {
    cause: error,
    violations: violations.map(({ field, description }) => ({ field, description })),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The canonical gRPC name of an outcome: "OK", "UNAVAILABLE", … */
export function statusName(error?: unknown): string {
  if (error === undefined) return "OK";
  const code = Code[toConnectError(error).code] ?? "Unknown";
  return code === "Canceled" ? "CANCELLED" : code.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
