// One stretch of offered load, and what came of it.
import { seededRandom } from "@chimera/kernel";
import type { BenchContext } from "../benchmark.ts";
import { type OpenLoopRun, openLoop } from "../load/open-loop.ts";
import type { Caller, Outcome } from "./caller.ts";
import { ANSWER_TOKENS } from "./mesh.ts";
import { type Arrival, arrivalPlan, type TenantRate } from "./plan.ts";

/** Requests in flight; a mesh that refuses in time never has so many. */
const MAX_IN_FLIGHT = 3000;

export interface PhasePlan {
  rates: readonly TenantRate[];
  seconds: number;
  seed: number;
}

export interface Ended {
  tenant: string;
  /** Monotonic, as the times of the outcome. */
  dueAtMs: number;
  sentAtMs: number;
  outcome: Outcome;
}

export interface Phase {
  ended: Ended[];
  startedAtMs: number;
  /** Of the arrivals; answers may end later. */
  seconds: number;
  notSent: number;
}

export async function playPhase(
  caller: Caller,
  { rates, seconds, seed }: PhasePlan,
  { clock, signal }: BenchContext,
): Promise<Phase> {
  const run = await openLoop({
    plan: arrivalPlan(rates, { seconds, seed }),
    send: ({ tenant, index }, stop) =>
      caller.ask({ tenant, content: contentOf(seed, index), maxTokens: tokensOf(seed, index) }, stop),
    clock,
    signal,
    maxInFlight: MAX_IN_FLIGHT,
  });
  signal.throwIfAborted();
  return { ended: endedOf(run), startedAtMs: run.startedAtMs, seconds, notSent: run.notSent };
}

function tokensOf(seed: number, index: number): number {
  const { min, max } = ANSWER_TOKENS;
  return min + Math.floor(seededRandom(seed * 1_000_003 + index)() * (max - min + 1));
}

/** Begins differently each time, so that no kept state of another prompt helps. */
function contentOf(seed: number, index: number): string {
  return `${seed}/${index}: which of my open tickets is the oldest, and who is working on it since when?`;
}

function endedOf(run: OpenLoopRun<Arrival, Outcome>): Ended[] {
  return run.sent.map(({ request: { tenant }, dueAtMs, sentAtMs, outcome }) => ({
    tenant,
    dueAtMs,
    sentAtMs,
    outcome: outcome.ok ? outcome.result : { kind: "failed", endedAtMs: run.endedAtMs, reason: String(outcome.error) },
  }));
}
