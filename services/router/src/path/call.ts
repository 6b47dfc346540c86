// A request as it came through any door.
import type { GenerateRequest } from "@chimera/contracts/router";

export type Door = "grpc" | "grpc-web" | "connect" | "chat" | "openai";

export interface IncomingCall {
  request: GenerateRequest;
  tenant: string;
  door: Door;
  /** Aborted when the caller has left. */
  signal: AbortSignal;
  /** What is left of the caller's deadline, in milliseconds. */
  timeoutMs: number | undefined;
  /** Monotonic; TTFT counts from here. */
  arrivedAtMs: number;
}
