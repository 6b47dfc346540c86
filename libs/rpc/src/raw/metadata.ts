// Deadlines and outcomes as gRPC writes them into headers and trailers.
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { type ChimeraError, InvalidRequestError, UnavailableError } from "@chimera/kernel";
import type { ConnectError } from "@connectrpc/connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { fromConnectError, toConnectError } from "../error-to-code.ts";

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a grpc-timeout header. Throws InvalidRequestError where it is none. */
export function parseTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  if (digits !== undefined) return Number(digits) * (UNIT_MS[unit] ?? 1);
  throw new InvalidRequestError([
    { field: "grpc-timeout", description: "needs up to 8 digits and a unit of H M S m u n" },
  ]);
}

/** Rounded up to whole milliseconds: at least one. */
export function formatTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole < 1e8 ? `${whole}m` : `${Math.ceil(whole / 1000)}S`;
}

const OK: OutgoingHttpHeaders = { "grpc-status": "0" };

/** Trailers of an outcome. A delay to try again after is given in the way gRPC's own retry policies read as well. */
export function trailersOf(error?: unknown, onUnknown?: (error: unknown) => void): OutgoingHttpHeaders {
  if (error === undefined) return { ...OK };
  const connectError = toConnectError(error, onUnknown);
  const trailers: OutgoingHttpHeaders = {};
  setTrailerStatus(new Headers(), connectError).forEach((value, name) => {
    trailers[name] = value;
  });
  const retryAfterMs = retryDelayOf(connectError);
  if (retryAfterMs !== undefined) trailers["grpc-retry-pushback-ms"] = String(Math.ceil(retryAfterMs));
  return trailers;
}

function retryDelayOf(error: ConnectError): number | undefined {
  const { cause } = error as { cause?: Partial<ChimeraError> };
  return cause?.retryAfterMs;
}

/** What trailers, or the headers of an answer that has nothing else, say: undefined is OK. */
export function outcomeOf(headers: IncomingHttpHeaders): ChimeraError | undefined {
  const status = headers["grpc-status"];
  if (status === "0") return undefined;
  if (status === undefined) return new UnavailableError("the answer ended without a status");
  const fields = new Headers();
  for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin"]) {
    const value = headers[name];
    if (typeof value === "string") fields.set(name, value);
  }
  const error = findTrailerError(fields);
  return error && fromConnectError(error);
}

export function isGrpc(contentType: string | undefined): boolean {
  return contentType === "application/grpc" || contentType === "application/grpc+proto";
}
