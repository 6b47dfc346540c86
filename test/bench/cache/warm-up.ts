// What a warm-up gains after a cold restart, on the hour after the one it learnt from: half of the tenants are warmed, the others
// are not, and all of them go on asking at the same time.
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { CacheService, type WarmResponse, type WarmUp } from "@chimera/contracts/cache";
import { CachePolicy, Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import { quantile, seededRandom } from "@chimera/kernel";
import { connectClient, ownedStream, type RpcClient } from "@chimera/rpc";
import type { Mesh } from "@chimera/supervisor";
import { ask, until } from "@chimera/testkit";
import { type PlannedRequest, type Ticket, workload } from "@chimera/tickets";
import type { BenchContext } from "../benchmark.ts";
import { overRounds, overSamples } from "../bootstrap.ts";
import { plainResult, sum } from "../figures.ts";
import { openLoop } from "../load/open-loop.ts";
import { connectTickets, type TicketClient } from "../load/ticket-client.ts";
import { withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";

const TRAFFIC = { tenants: 12, popularShare: 0.6, popularCount: 24 };
const QUICK = { rounds: 1, secondsA: 8, secondsB: 7, ratePerSecond: 40 };
const FULL = { rounds: 6, secondsA: 24, secondsB: 12, ratePerSecond: 50 };
/** Of the popular tickets, those that have another one's popularity in the second hour. */
const SHIFTED_SHARE = 0.25;
const CONTROL_SHARE = 0.2;

type Size = typeof QUICK;

/** One tenant in the second hour of one round. */
interface TenantHour {
  isWarm: boolean;
  hits: number;
  ttftMs: number[];
}

interface Round {
  tenants: TenantHour[];
  warmed: WarmResponse;
  measured: WarmUp | undefined;
}

export async function warmUpResults(context: BenchContext): Promise<BenchResult[]> {
  const size = context.quick ? QUICK : FULL;
  const rounds: Round[] = [];
  for (let round = 0; round < size.rounds; round++) {
    context.progress(`warm-up: round ${round + 1} of ${size.rounds}`);
    const options = {
      services: ["router", "cache", "inference"] as const,
      serviceEnv: { router: { ROUTER_LOG_PROMPTS: "*", ROUTER_CACHE_BUDGET_MS: "1000" } },
      restart: true,
    };
    rounds.push(await withMesh(context, options, (mesh) => playRound(mesh, { round, size }, context)));
    context.signal.throwIfAborted();
  }
  return results(rounds, size);
}

async function playRound(
  mesh: Mesh,
  { round, size }: { round: number; size: Size },
  context: BenchContext,
): Promise<Round> {
  const tickets = connectTickets(mesh.url("router"), context.clock);
  const cache = connectClient(CacheService, mesh.url("cache"));
  const router = connectClient(RouterService, mesh.url("router"));
  const seed = 2 * round + 1;
  const hourA = planOf(size, size.secondsA, seed);
  const hourB = shifted(planOf(size, size.secondsB, seed + 1), seed);
  const names = [...new Set([...hourA, ...hourB].map(({ tenant }) => tenant))].sort();
  const warmTenants = new Set(names.filter((_, at) => (at + round) % 2 === 0));
  try {
    await play(hourA, tickets, context);
    await coldRestart(mesh, { cache, router });
    const warmed = await warm(cache, { tenants: [...warmTenants], requests: hourA.length, size }, context);
    const answers = await play(hourB, tickets, context);
    const tenants = names.map((tenant) => ({
      isWarm: warmTenants.has(tenant),
      hits: answers.filter((each) => each.tenant === tenant && each.isHit).length,
      ttftMs: answers.filter((each) => each.tenant === tenant).map(({ ttftMs }) => ttftMs),
    }));
    return { tenants, warmed, measured: await measuredBy(cache, answers.length) };
  } finally {
    for (const client of [tickets, cache, router]) client.close();
  }
}

function planOf({ ratePerSecond }: Size, seconds: number, seed: number): PlannedRequest[] {
  return [...workload({ ...TRAFFIC, requests: ratePerSecond * seconds, ratePerSecond, seed })];
}

/** Popularity moves on: some popular tickets of each tenant change places. */
function shifted(plan: readonly PlannedRequest[], seed: number): PlannedRequest[] {
  const random = seededRandom(seed);
  const popular = new Map(
    plan.filter(({ ticket }) => ticket.split !== "live").map(({ ticket }) => [ticket.id, ticket]),
  );
  const places = new Map<string, Ticket>();
  for (const tickets of Map.groupBy(popular.values(), ({ tenant }) => tenant).values()) {
    const moved = tickets.filter(() => random() < SHIFTED_SHARE);
    for (const [at, ticket] of moved.entries()) places.set(ticket.id, moved[(at + 1) % moved.length] ?? ticket);
  }
  return plan.map((request) => ({ ...request, ticket: places.get(request.ticket.id) ?? request.ticket }));
}

interface Answered {
  tenant: string;
  isHit: boolean;
  ttftMs: number;
}

/** Failed requests and empty answers are left out. */
async function play(
  plan: readonly PlannedRequest[],
  tickets: TicketClient,
  { clock, signal }: BenchContext,
): Promise<Answered[]> {
  const send = (request: PlannedRequest, stop: AbortSignal) => tickets.ask(request, { cache: "on", signal: stop });
  const { sent } = await openLoop({ plan, send, clock, signal });
  signal.throwIfAborted();
  return sent.flatMap(({ request, dueAtMs, outcome }): Answered[] => {
    if (!outcome.ok || outcome.result.firstTokenAtMs === undefined) return [];
    const { firstTokenAtMs, cacheHit } = outcome.result;
    return [{ tenant: request.tenant, isHit: cacheHit, ttftMs: firstTokenAtMs - dueAtMs }];
  });
}

interface Clients {
  cache: RpcClient<typeof CacheService>;
  router: RpcClient<typeof RouterService>;
}

/** Killed, and started again by the supervisor: everything in memory is gone. */
async function coldRestart(mesh: Mesh, { cache, router }: Clients): Promise<void> {
  const found = mesh.process("cache");
  const { pid } = found;
  found.kill("SIGKILL");
  await until("another cache", async () => found.pid !== pid && (await cache.client.stats({})).entries === 0n);
  const probe = {
    messages: [{ role: Role.USER, content: "is the cache back?" }],
    sampling: { temperature: 0, maxTokens: 1 },
    cachePolicy: CachePolicy.UNSPECIFIED,
  };
  // Marked, so that it is no traffic.
  const headers = { "x-chimera-workload": "probe" };
  await until("the router to ask it", async () => {
    const { accepted } = await ask(router.client, probe, { headers });
    return /stored/.test(accepted.cache?.reason ?? "");
  });
}

async function warm(
  { client }: Clients["cache"],
  { tenants, requests, size }: { tenants: string[]; requests: number; size: Size },
  { signal }: BenchContext,
): Promise<WarmResponse> {
  const measureFor = durationFromMs(size.secondsB * 1000);
  const run = async (dryRun: boolean) => {
    const request = { tenants, controlShare: CONTROL_SHARE, measureFor, dryRun, concurrency: 4 };
    let last: WarmResponse | undefined;
    for await (last of ownedStream((own) => client.warm(request, { signal: own }), { signal }));
    if (last === undefined) throw new Error("the warm-up said nothing");
    return last;
  };
  await until("the whole log", async () => (await run(true)).requestsRead >= BigInt(requests));
  return run(false);
}

/** What the cache itself says, once it has heard of everything. */
async function measuredBy({ client }: Clients["cache"], requests: number): Promise<WarmUp | undefined> {
  let heard = -1n;
  return until("the cache's own measurement to stand still", async () => {
    const [latest] = (await client.listWarmUps({})).warmUps;
    const { treatedRequests = 0n, controlRequests = 0n } = latest?.gain ?? {};
    const before = heard;
    heard = treatedRequests + controlRequests;
    return latest && heard === before && heard > 0n && heard < BigInt(requests) && latest;
  });
}

const hitShare = (hours: readonly TenantHour[]) =>
  sum(hours.map(({ hits }) => hits)) / sum(hours.map(({ ttftMs }) => ttftMs.length));
const ttftOf = (hours: readonly TenantHour[]) => hours.flatMap(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
const medianTtft = (hours: readonly TenantHour[]) => quantile(ttftOf(hours), 0.5);
const meanTtft = (hours: readonly TenantHour[]) => sum(ttftOf(hours)) / ttftOf(hours).length;

function results(rounds: readonly Round[], { secondsA, secondsB, ratePerSecond }: Size): BenchResult[] {
  const hours = rounds.flatMap(({ tenants }) => tenants);
  const [left, right] = [hours.filter(({ isWarm }) => isWarm), hours.filter(({ isWarm }) => !isWarm)];
  const n = ttftOf(hours).length;
  const about =
    `${rounds.length} × a cold restart of a memory cache between ${secondsA} s and ${secondsB} s of ${ratePerSecond} requests/s of the ` +
    `shipped model (12 tenants, Zipf over 24 tickets each, 40 % asked once, a quarter of the tickets changes places between them); ` +
    "every second tenant is warmed, in turns. Intervals: bootstrap over tenants.";
  const compared = (
    id: string,
    unit: string,
    compare: (warm: readonly TenantHour[], cold: readonly TenantHour[]) => number,
  ) => ({
    id,
    value: compare(left, right),
    unit,
    n,
    interval: overSamples({ left, right }, compare),
    method: about,
  });
  return [
    compared("cache.warm_hit_gain_pp", "pp", (warm, cold) => 100 * (hitShare(warm) - hitShare(cold))),
    compared("cache.warm_ttft_gain", "share", (warm, cold) => 1 - medianTtft(warm) / medianTtft(cold)),
    compared("cache.warm_ttft_mean_gain", "share", (warm, cold) => 1 - meanTtft(warm) / meanTtft(cold)),
    ...promised(rounds, left.flatMap(({ ttftMs }) => ttftMs).length / n),
    ...measured(rounds),
  ];
}

function promised(rounds: readonly Round[], warmShare: number): BenchResult[] {
  const warmed = rounds.map((round) => round.warmed);
  const mean = (value: (each: WarmResponse) => number) => sum(warmed.map(value)) / warmed.length;
  const n = warmed.length;
  return [
    plainResult({
      id: "cache.warm_predicted_hit_gain_pp",
      value: mean(({ predictedHitGainPp }) => predictedHitGainPp) / warmShare,
      unit: "pp",
      n,
      method:
        "Mean of what the cache promised before the second hour began, fitted on the first one alone; its share of all requests ÷ the share of requests of warmed tenants, to stand beside cache.warm_hit_gain_pp.",
    }),
    plainResult({
      id: "cache.warm_tokens",
      value: mean(({ tokensSpent }) => Number(tokensSpent)),
      unit: "tokens",
      n,
      method: "Prompt and completion tokens of one warm-up, mean.",
    }),
    plainResult({
      id: "cache.warm_answers",
      value: mean(({ generated }) => generated),
      unit: "answers",
      n,
      method: "Answers made by one warm-up, mean.",
    }),
  ];
}

/** By the cache, from its own events. */
function measured(rounds: readonly Round[]): BenchResult[] {
  const gains = rounds.flatMap((round) => round.measured?.gain ?? []);
  const known = gains.flatMap(({ hitGainPp }) => hitGainPp ?? []);
  const [only] = known;
  const interval = known.length === 1 && only ? { low: only.low, high: only.high, level: only.level } : null;
  const value = known.length === 0 ? null : sum(known.map((each) => each.value)) / known.length;
  const used = gains.map(({ usedShare }) => usedShare);
  return [
    {
      id: "cache.warm_control_hit_gain_pp",
      value,
      unit: "pp",
      n: sum(known.map((each) => Number(each.n))),
      interval: known.length > 1 ? overRounds(known, meanValue) : interval,
      method:
        "Hit ratio of warmed questions minus that of questions left cold by lot, as the cache itself measured it; mean over rounds, interval by bootstrap over rounds, of one round the cache's own.",
    },
    plainResult({
      id: "cache.warm_used_share",
      value: used.length === 0 ? null : sum(used) / used.length,
      unit: "share",
      n: used.length,
      method: "Of the answers made ahead, those that were served at least once; mean over rounds.",
    }),
  ];
}

function meanValue(values: readonly { value: number }[]): number {
  return sum(values.map(({ value }) => value)) / values.length;
}
