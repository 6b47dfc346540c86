// What Connect throws, as this package's error: code, fields, the server's wish when to try again.

import { BadRequestSchema, RetryInfoSchema } from "@chimera/contracts/google-rpc";
import { Code, ConnectError } from "@connectrpc/connect";
import { ChimeraClientError, type StatusCode } from "../error.ts";
import type { Failure } from "../retry.ts";
import type { Connection } from "./connection.ts";

const CODES: Record<Code, StatusCode> = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "UNKNOWN",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.ResourceExhausted]: "RESOURCE_EXHAUSTED",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "ABORTED",
  [Code.OutOfRange]: "OUT_OF_RANGE",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "DATA_LOSS",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
};

export function toFailure(error: unknown, { isLost }: Connection): Failure {
  if (error instanceof ChimeraClientError) return { error, isFinal: false };
  const connectError = ConnectError.from(error);
  const { rawMessage, metadata } = connectError;
  const lost = isLost(connectError);
  const code = lost ? "UNAVAILABLE" : CODES[connectError.code];
  const message = lost ? `the connection to the router failed: ${rawMessage.trim()}` : rawMessage;
  const pushback = metadata.get("grpc-retry-pushback-ms");
  const violations = connectError.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  return {
    error: new ChimeraClientError(code, message, {
      cause: error,
      fieldViolations: violations.map(({ field, description }) => ({ field, description })),
      retryAfterMs: millis(pushback) ?? retryInfoMs(connectError) ?? seconds(metadata.get("retry-after")),
    }),
    // gRPC: a pushback that is no number of milliseconds means: do not try again.
    isFinal: pushback !== null && millis(pushback) === undefined,
  };
}

export function toClientError(error: unknown, connection: Connection): ChimeraClientError {
  return toFailure(error, connection).error;
}

function millis(text: string | null): number | undefined {
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function seconds(text: string | null): number | undefined {
  const whole = millis(text);
  return whole === undefined ? undefined : whole * 1000;
}

function retryInfoMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
}
