// Stage 1: who asks, and is there room for one more? Decided from the headers, so that a refusal costs nearly nothing.
import { ChimeraError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { openOutcome } from "../measure/outcome.ts";
import { type Door, type IncomingCall, SESSION_HEADER, WORKLOAD_HEADER, workloadOf } from "./call.ts";
import { reportOutcome } from "./report-outcome.ts";

export interface Arrival {
  /** Gives null or undefined for an absent header. */
  header(name: string): string | null | undefined;
  door: Door;
  signal: AbortSignal;
  timeoutMs: number | undefined;
}

/** Throws UnauthenticatedError, InvalidRequestError, OverloadedError or QuotaExceededError; such a request is measured and over. */
export async function enter(context: Context, arrival: Arrival): Promise<IncomingCall> {
  const arrivedAtMs = context.clock.monotonicMs();
  const { header, door, signal, timeoutMs } = arrival;
  const workload = workloadOf(header(WORKLOAD_HEADER));
  const session = header(SESSION_HEADER) ?? undefined;
  let tenant = "";
  try {
    const found = context.tenants.resolve(header);
    // A known credential is answered at once; the turn of the event loop is saved.
    tenant = typeof found === "string" ? found : await found;
    const pass = context.admission.gate(tenant);
    const outcome = openOutcome(context, { tenant, workload, door, signal, arrivedAtMs });
    return { tenant, workload, door, session, signal, timeoutMs, arrivedAtMs, pass, outcome };
  } catch (error) {
    const outcome = openOutcome(context, { tenant, workload, door, signal, arrivedAtMs });
    if (isRefusal(error)) outcome.refused(error.message);
    outcome.fail(error);
    reportOutcome(context, outcome.close());
    throw error;
  }
}

/** Gives a call back that got no body, or one that can not be read. */
export function giveBack(context: Context, { pass, outcome }: IncomingCall, error: unknown): void {
  pass.leave();
  outcome.fail(error);
  reportOutcome(context, outcome.close());
}

/** Turned away for want of room, and not for what it is. */
export function isRefusal(error: unknown): error is ChimeraError {
  return error instanceof ChimeraError && (error.kind === "overloaded" || error.kind === "quota-exceeded");
}
