// The status names a request can end with, in the order of their gRPC numbers.

export const grpcStatuses = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type GrpcStatus = (typeof grpcStatuses)[number];

const known = new Set<string>(grpcStatuses);

/** A name outside the list counts as UNKNOWN, as gRPC clients treat an unknown code. */
export function toGrpcStatus(name: string): GrpcStatus {
  return known.has(name) ? (name as GrpcStatus) : "UNKNOWN";
}
