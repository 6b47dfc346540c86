// Brings a fresh mesh to the state of one that has served for a while: code compiled, popular answers stored.
import { setTimeout as wait } from "node:timers/promises";
import type { PlannedRequest } from "@chimera/tickets";
import type { BenchContext } from "../benchmark.ts";
import { openLoop } from "../load/open-loop.ts";
import type { TicketClient } from "../load/ticket-client.ts";
import { isPopular, planOf } from "./phase.ts";

/** No measured phase plays these seeds. */
const WARM_UP_SEED = 1000;
const HIT_WARM_UP_SEED = 1001;
const WARM_UP_RATE = 30;
const HIT_WARM_UP_SECONDS = 1;
/** Concurrent requests while the cache is filled. */
const FILL_CONCURRENCY = 4;
const FILL_ATTEMPTS = 8;
/** Grows by this from attempt to attempt. */
const FILL_PAUSE_MS = 100;

export interface Preparation {
  /** Every request that will be measured. */
  plans: readonly (readonly PlannedRequest[])[];
  warmUpSeconds: number;
}

/** Compiled first without touching the cache; then each popular ticket is asked once, so that every rate meets the same cache. */
export async function prepare(
  tickets: TicketClient,
  { plans, warmUpSeconds }: Preparation,
  context: BenchContext,
): Promise<void> {
  context.progress(`warming up for ${warmUpSeconds} s`);
  await play(tickets, { seconds: warmUpSeconds, seed: WARM_UP_SEED, cache: "off" }, context);
  const popular = popularOf(plans);
  context.progress(`storing ${popular.length} popular answers`);
  await fill(tickets, popular, context);
  await play(tickets, { seconds: HIT_WARM_UP_SECONDS, seed: HIT_WARM_UP_SEED, cache: "on" }, context);
}

interface WarmUp {
  seconds: number;
  seed: number;
  cache: "on" | "off";
}

async function play(tickets: TicketClient, { cache, ...rest }: WarmUp, { clock, signal }: BenchContext): Promise<void> {
  const plan = planOf({ ratePerSecond: WARM_UP_RATE, ...rest });
  await openLoop({ plan, send: (request, stop) => tickets.ask(request, { cache, signal: stop }), clock, signal });
  signal.throwIfAborted();
}

/** Each tenant's popular tickets among all plans, once. */
export function popularOf(plans: readonly (readonly PlannedRequest[])[]): PlannedRequest[] {
  const popular = new Map<string, PlannedRequest>();
  for (const request of plans.flat()) {
    if (isPopular(request)) popular.set(`${request.tenant} ${request.ticket.id}`, request);
  }
  return [...popular.values()];
}

async function fill(
  tickets: TicketClient,
  popular: readonly PlannedRequest[],
  { signal }: BenchContext,
): Promise<void> {
  const left = popular.values();
  const worker = async () => {
    for (const request of left) await store(tickets, request, signal);
  };
  await Promise.all(Array.from({ length: FILL_CONCURRENCY }, worker));
}

/** Asks until the answer comes from the cache; on a busy machine the router may not wait for it to be stored. */
async function store(tickets: TicketClient, request: PlannedRequest, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < FILL_ATTEMPTS; attempt++) {
    if ((await tickets.ask(request, { cache: "on", signal })).cacheHit) return;
    await wait(FILL_PAUSE_MS * attempt, undefined, { signal });
  }
  throw new Error(`an answer was not stored in ${FILL_ATTEMPTS} attempts, so the cache can not be measured`);
}
