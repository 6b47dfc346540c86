// A request as it came through any door: who asks, what is measured of it, and its pass through admission. Made from the
// headers alone, before the body is read.
import { RequestClass as WireClass } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import type { Pass, RequestClass } from "../admission/admission.ts";
import type { Outcome } from "../measure/outcome.ts";

export type Door = "grpc" | "grpc-web" | "connect" | "chat" | "openai";

export interface IncomingCall {
  tenant: string;
  /** What the request is for, as its caller says; "" for ordinary traffic. */
  workload: string;
  door: Door;
  /** What the caller calls its session, where it does. */
  session?: string | undefined;
  /** Aborted when the caller has left, with the reason where it is a deadline. */
  signal: AbortSignal;
  /** What is left of the caller's deadline, in milliseconds. */
  timeoutMs: number | undefined;
  /** Monotonic; TTFT counts from here. */
  arrivedAtMs: number;
  pass: Pass;
  outcome: Outcome;
  /** Made by the router itself, in place of an answer past its time. */
  isRefresh?: boolean;
}

/** A call with its body. */
export interface AskedCall extends IncomingCall {
  request: GenerateRequest;
}

export const WORKLOAD_HEADER = "x-chimera-workload";
/** Requests with the same one are of one session; a session stays in its arm. */
export const SESSION_HEADER = "x-chimera-session";
/** Of answers that the cache has made ahead. */
export const WARM_UP_WORKLOAD = "warm-up";

/** The name of a workload, or "" where the header is absent or is none. */
export function workloadOf(header: string | null | undefined): string {
  return header && /^[a-z][a-z0-9-]{0,31}$/.test(header) ? header : "";
}

export function classOf({ class: asked }: Pick<GenerateRequest, "class">): RequestClass {
  return asked === WireClass.BATCH ? "batch" : "interactive";
}
