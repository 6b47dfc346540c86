// A request as it came through any door.
import type { GenerateRequest } from "@chimera/contracts/router";

export type Door = "grpc" | "grpc-web" | "connect" | "chat" | "openai";

export interface IncomingCall {
  request: GenerateRequest;
  tenant: string;
  /** What the request is for, as its caller says; "" for ordinary traffic. */
  workload: string;
  door: Door;
  /** Aborted when the caller has left. */
  signal: AbortSignal;
  /** What is left of the caller's deadline, in milliseconds. */
  timeoutMs: number | undefined;
  /** Monotonic; TTFT counts from here. */
  arrivedAtMs: number;
}

export const WORKLOAD_HEADER = "x-chimera-workload";

/** The name of a workload, or "" where the header is absent or is none. */
export function workloadOf(header: string | null | undefined): string {
  return header && /^[a-z][a-z0-9-]{0,31}$/.test(header) ? header : "";
}
