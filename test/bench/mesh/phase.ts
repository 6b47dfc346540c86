// One stretch of load at one rate, with the cache or without: what was sent, how it went, what it cost.
import type { Mesh } from "@chimera/supervisor";
import { type PlannedRequest, workload } from "@chimera/tickets";
import type { BenchContext } from "../benchmark.ts";
import { type OpenLoopRun, openLoop } from "../load/open-loop.ts";
import type { TicketAnswer, TicketClient } from "../load/ticket-client.ts";
import { clientProcess, meshProcesses } from "../mesh-under-test.ts";
import { type MeterReading, metered } from "../meter.ts";

export interface PhasePlan {
  ratePerSecond: number;
  cache: "on" | "off";
  seconds: number;
  /** The same seed gives the same tickets at the same times. */
  seed: number;
}

export interface Phase extends PhasePlan {
  run: OpenLoopRun<PlannedRequest, TicketAnswer>;
  readings: MeterReading[];
  foreignShare: number;
}

export interface PhaseSubject {
  mesh: Mesh;
  tickets: TicketClient;
}

/** Twelve tenants; 60 % of the requests ask one of 24 popular tickets of their tenant, the others are one-offs. */
export function planOf({ ratePerSecond, seconds, seed }: Omit<PhasePlan, "cache">): PlannedRequest[] {
  const requests = Math.round(ratePerSecond * seconds);
  const plan = workload({ requests, ratePerSecond, seed, tenants: 12, popularShare: 0.6, popularCount: 24 });
  return [...plan];
}

/** One of the tickets that are asked again and again. */
export function isPopular({ ticket }: PlannedRequest): boolean {
  return ticket.split !== "live";
}

export async function playPhase(
  { mesh, tickets }: PhaseSubject,
  plan: PhasePlan,
  { clock, signal }: BenchContext,
): Promise<Phase> {
  const { cache } = plan;
  const requests = planOf(plan);
  const processes = [...meshProcesses(mesh), clientProcess()];
  let answered = 0;
  const send = async (request: PlannedRequest, stop: AbortSignal) => {
    const answer = await tickets.ask(request, { cache, signal: stop });
    answered++;
    return answer;
  };
  const { result, readings, foreignShare } = await metered(
    processes,
    () => answered,
    (blind) => openLoop({ plan: requests, send, clock, signal: AbortSignal.any([signal, blind]) }),
  );
  signal.throwIfAborted();
  return { ...plan, run: result, readings, foreignShare };
}
