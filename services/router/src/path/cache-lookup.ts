// Stage 3: has this been answered already, or is it being answered? A slow or absent cache is a miss.
import { create, toBinary } from "@bufbuild/protobuf";
import { CacheKeyInputSchema } from "@chimera/contracts/cache";
import { CachePolicy, CacheStatus, type SamplingParams } from "@chimera/contracts/common";
import { NotFoundError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import type { Accepted } from "./accept.ts";
import type { CacheAnswer, Lead } from "./cache-door.ts";
import type { AskedCall } from "./call.ts";
import { flightKey, type SharedLookup } from "./flights.ts";
import { type Replay, replayOf } from "./stored-answer.ts";

export interface CacheDecision {
  status: CacheStatus;
  reason: string;
  replay?: Replay;
  /** What is replayed is past its time, and this request is to see to a new one. */
  isRefreshDue?: boolean;
  /** First digits of the key; "" where the cache was not asked, or did not answer. */
  keyPrefix: string;
  /** The encoded key input, where an answer can be looked up or stored. */
  input?: Uint8Array;
  /** The same; set where a new answer should be stored. */
  storeAs?: Uint8Array;
  /** Where an identical request that is being answered right now will do: what it is found by. */
  flightKey?: string;
  /** Where routers read along with each other. */
  flight?: OfferedFlight;
}

export interface OfferedFlight {
  /** This request's own. */
  id: string;
  /** The one that has the lead; where unset, this request's own may have it. */
  running: Lead | undefined;
}

/** The caller wanted a stored answer or none. */
export class NotStoredError extends NotFoundError {}

/** Throws NotStoredError. What is offered as a flight is the caller's to lead or to give back; see giveBackFlight(). */
export async function lookUp(context: Context, call: AskedCall, accepted: Accepted): Promise<CacheDecision> {
  const { request, isRefresh } = call;
  const policy = request.cachePolicy;
  if (policy === CachePolicy.BYPASS) return bypass("the caller asked to bypass it");
  const mustRepeat = policy === CachePolicy.UNSPECIFIED || (policy === CachePolicy.REFRESH && !isRefresh);
  if (mustRepeat && !isRepeatable(request.sampling, accepted.model.defaultSampling)) {
    return bypass("sampled without a seed, so not repeatable");
  }
  const input = keyInput(call, accepted);
  if (policy === CachePolicy.REFRESH) {
    const reason = isRefresh ? "it was past its time" : "the caller asked to refresh it";
    return { status: CacheStatus.MISS, reason, keyPrefix: "", input, storeAs: input };
  }
  return askCache(context, call, input);
}

async function askCache(context: Context, call: AskedCall, input: Uint8Array): Promise<CacheDecision> {
  const { cache, flights } = context;
  if (call.request.cachePolicy === CachePolicy.ONLY_IF_CACHED) {
    const found = await cache.lookup(input, { signal: call.signal });
    const decision = decisionOf(found, input);
    if (decision.replay) return decision;
    call.outcome.cached(decision);
    throw new NotStoredError(found.reason);
  }
  const key = flightKey(input);
  const here = flights.find(key);
  if (here) {
    const { keyPrefix } = here;
    return { status: CacheStatus.MISS, reason: "not stored", keyPrefix, input, storeAs: input, flightKey: key };
  }
  const { found, flightId, isFirst } = flights.lookUp(key, () => begin(context, input));
  const answer = await found;
  const decision = decisionOf(answer, input);
  if (decision.replay) {
    if (flightId !== undefined) flights.drop(flightId);
    return { ...decision, isRefreshDue: isFirst && answer.isStale };
  }
  const flight = flightId === undefined ? undefined : { id: flightId, running: answer.running };
  return { ...decision, storeAs: input, flightKey: key, ...(flight && { flight }) };
}

/** Not given up where one caller leaves: others may wait for it as well, and its budget is short. */
const NEVER = new AbortController().signal;

function begin({ cache, peers, flights }: Context, input: Uint8Array): SharedLookup {
  const { url } = peers;
  const flightId = url === undefined ? undefined : flights.announce();
  const flight = url === undefined || flightId === undefined ? undefined : { url, id: flightId };
  return { flightId, found: cache.lookup(input, { signal: NEVER, flight }) };
}

function decisionOf({ answer, reason, keyPrefix, isStale }: CacheAnswer, input: Uint8Array): CacheDecision {
  const replay = answer && replayOf(answer);
  if (!replay) return { status: CacheStatus.MISS, reason, keyPrefix, input };
  const status = isStale ? CacheStatus.STALE : CacheStatus.HIT;
  return { status, reason, keyPrefix, input, replay, isRefreshDue: isStale };
}

/** Nothing was begun under the flight that a lookup offered: whoever waits for it is not kept waiting. */
export function giveBackFlight(
  { flights, cache }: Pick<Context, "flights" | "cache">,
  { flight }: CacheDecision,
): void {
  if (flight && flights.drop(flight.id) && !flight.running) void cache.endFlight(flight.id);
}

function bypass(reason: string): CacheDecision {
  return { status: CacheStatus.BYPASS, reason, keyPrefix: "" };
}

/** Greedy, or with a seed. A field the caller left unset has the model's default. */
function isRepeatable(asked: SamplingParams | undefined, byDefault: SamplingParams | undefined): boolean {
  const temperature = asked?.temperature ?? byDefault?.temperature ?? 1;
  return temperature === 0 || (asked?.seed ?? byDefault?.seed) !== undefined;
}

function keyInput({ request, tenant }: AskedCall, { model }: Accepted): Uint8Array {
  const input = create(CacheKeyInputSchema, {
    tenant,
    model: model.id,
    modelVersion: model.version,
    messages: request.messages,
    prompt: request.prompt,
    sampling: request.sampling,
  });
  return toBinary(CacheKeyInputSchema, input);
}
