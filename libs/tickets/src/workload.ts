// A plan of live traffic: who sends which ticket when. Popular tickets come back and can be served from a cache;
// one-off tickets are written for the occasion and can not.
import { assert, type Random, seededRandom } from "@chimera/kernel";
import { clusterOf, jargonOf, LABEL_NOISE, SPLIT_PLANS, TENANTS, toTicket } from "./data-sets.ts";
import { mislabel, pick, writeTicket } from "./generator.ts";
import { loadTicketsSync } from "./load.ts";
import type { Ticket } from "./ticket.ts";

export interface WorkloadOptions {
  requests: number;
  // How many tenants take part, 1 to 16; each is equally busy.
  tenants: number;
  seed: number;
  // Mean of the Poisson arrivals, over all tenants.
  ratePerSecond: number;
  // Share of requests that ask a popular ticket, 0 to 1.
  popularShare: number;
  // Popular tickets per tenant, 1 to 60. The k-th is asked in proportion to 1/k (Zipf, exponent 1).
  popularCount: number;
}

export interface PlannedRequest {
  // When to send it, from the start of the workload.
  atMs: number;
  tenant: string;
  ticket: Ticket;
}

/** Every request in order of time; the same options give the same plan. */
export function* workload(options: WorkloadOptions): Generator<PlannedRequest, void, undefined> {
  validate(options);
  const random = seededRandom(options.seed);
  const popular = popularTickets(options);
  const popularity = zipf(options.popularCount);
  const tenants = TENANTS.slice(0, options.tenants);
  let atMs = 0;
  for (let i = 0; i < options.requests; i++) {
    atMs += (-Math.log(1 - random()) * 1000) / options.ratePerSecond;
    const tenant = pick(random, tenants);
    const known = random() < options.popularShare ? popular.get(tenant)?.[popularity(random)] : undefined;
    yield { atMs, tenant, ticket: known ?? oneOff(random, tenant, `live-${options.seed}-${i}`) };
  }
}

function validate(options: WorkloadOptions): void {
  const perTenant = SPLIT_PLANS.holdout.ticketsPerTenant;
  assert(options.tenants >= 1 && options.tenants <= TENANTS.length, `tenants must be 1 to ${TENANTS.length}`);
  assert(options.popularCount >= 1 && options.popularCount <= perTenant, `popularCount must be 1 to ${perTenant}`);
  assert(options.popularShare >= 0 && options.popularShare <= 1, "popularShare must be 0 to 1");
  assert(options.ratePerSecond > 0, "ratePerSecond must be above 0");
}

function popularTickets({ popularCount }: WorkloadOptions): ReadonlyMap<string, Ticket[]> {
  const byTenant = Map.groupBy(loadTicketsSync("holdout"), (ticket) => ticket.tenant);
  return new Map([...byTenant].map(([tenant, tickets]) => [tenant, tickets.slice(0, popularCount)]));
}

function oneOff(random: Random, tenant: string, id: string): Ticket {
  const written = writeTicket(random, random() < SPLIT_PLANS.holdout.jargonShare ? { jargon: jargonOf(tenant) } : {});
  const labels = mislabel(random, written, LABEL_NOISE);
  return toTicket({ id, input: written.text, tenant, cluster: clusterOf(written.skeleton), split: "live", ...labels });
}

// Index of a drawn rank: rank k has weight 1/k.
function zipf(size: number): (random: Random) => number {
  const cumulative: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= size; rank++) {
    total += 1 / rank;
    cumulative.push(total);
  }
  return (random) => {
    const at = random() * total;
    return cumulative.findIndex((sum) => at < sum);
  };
}
