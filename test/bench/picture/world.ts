// Made-up worlds in which the truth is known: seeded arrivals, a cache with the policy that serves, and the step loop of the simulated
// engine. A world is lived once to have a log to predict from, and its next window twice: without the change and with it.
import { type Random, seededRandom } from "@chimera/kernel";
import type { PolicyNode } from "../../../services/cache/src/index/entry.ts";
import { createPolicy } from "../../../services/cache/src/policy/policies.ts";
import { SimulatedCache } from "../../../services/cache/src/policy/simulated-cache.ts";
import {
  DEFAULT_PARAMETERS,
  type SimulationParameters,
} from "../../../services/inference/src/engine/simulated/parameters.ts";
import { simulate } from "../../../services/inference/src/engine/simulated/simulate.ts";
import { normal } from "../../../services/insight/src/predict/normal.ts";
import type { LoggedRequest } from "../../../services/insight/src/predict/observed.ts";
import type { CacheFactory, WarmSet } from "../../../services/insight/src/predict/replay.ts";
import type { CapacityPoint } from "../../../services/insight/src/predict/usl.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Of the log; the next window has half as many. */
  readonly requests: number;
  /** Questions that come again, by Zipf's law; 0 is a world in which every question comes once. */
  readonly popular: number;
  readonly alpha: number;
  /** Share of requests for questions that come once. */
  readonly uniques: number;
  readonly rps: number;
  readonly slots: number;
  readonly capacityBytes: number;
}

export interface Question {
  readonly key: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly bytes: number;
}

export interface Arrival extends Question {
  readonly arrivedMs: number;
}

/** Lognormal: the median, and the standard deviation of the logarithm. Short, so that a world is lived in a fraction of a second. */
const PROMPT_TOKENS = { median: 120, sigma: 0.6, max: 1000 };
const COMPLETION_TOKENS = { median: 16, sigma: 0.5, max: 80 };
const HIT_MS = { median: 3, sigma: 0.4 };
const ENTRY_BYTES = { fixed: 150, perToken: 16 };

export const s3Fifo: CacheFactory = (capacityBytes) =>
  new SimulatedCache({
    capacityBytes,
    maxEntryBytes: capacityBytes,
    policy: createPolicy<PolicyNode>("s3-fifo", { capacityBytes, random: seededRandom(1) }),
  });

/** A world drawn at random from those a mesh may meet: reuse, load, slots and room all differ. */
export function drawWorld(seed: number, requests: number): WorldOptions {
  const random = seededRandom(seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  const slots = 2 + Math.floor(random() * 7);
  return {
    seed,
    requests,
    popular: Math.round(between(0.03, 0.3) * requests),
    alpha: between(0.6, 1.1),
    uniques: between(0, 0.5),
    // One slot makes about five answers a second.
    rps: slots * between(1, 4),
    slots,
    capacityBytes: Math.round(between(0.1, 1) * requests * (ENTRY_BYTES.fixed + 20 * ENTRY_BYTES.perToken)),
  };
}

/** The same world, but every question comes once. */
export function withoutReuse(world: WorldOptions): WorldOptions {
  return { ...world, popular: 0, uniques: 1 };
}

/** Poisson arrivals: the log, then the next window, of one and the same traffic. */
export function arrivalsOf(world: WorldOptions): { readonly log: Arrival[]; readonly next: Arrival[] } {
  const random = seededRandom(world.seed ^ 0x2545f491);
  const popular = Array.from({ length: world.popular }, (_, rank) => question(`popular-${rank}`, random));
  const weights = popular.map((_, rank) => (rank + 1) ** -world.alpha);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let arrivedMs = 0;
  const all = Array.from({ length: Math.round(1.5 * world.requests) }, (_, number) => {
    arrivedMs += (-Math.log(1 - random()) * 1000) / world.rps;
    const isUnique = popular.length === 0 || random() < world.uniques;
    const asked = isUnique ? undefined : popular[drawn(weights, random() * total)];
    return { ...(asked ?? question(`once-${number}`, random)), arrivedMs };
  });
  return { log: all.slice(0, world.requests), next: all.slice(world.requests) };
}

export interface Life {
  readonly requests: readonly LoggedRequest[];
  readonly hitRatio: number;
  readonly ttftP50Ms: number;
}

export interface LifeOptions {
  /** Asked before, so that the cache holds what it then holds. */
  readonly before?: readonly Arrival[];
  readonly warm?: WarmSet;
  readonly slots?: number;
}

/** What the cache answers takes no slot; the rest goes through the engine's step loop. */
export function live(world: WorldOptions, arrivals: readonly Arrival[], options: LifeOptions = {}): Life {
  const cache = s3Fifo(world.capacityBytes);
  const ask = ({ key, bytes }: { key: string; bytes: number }) => {
    const isHit = cache.lookup(key);
    if (!isHit) cache.store(key, bytes);
    return isHit;
  };
  for (const each of options.before ?? []) ask(each);
  for (const each of options.warm?.answers ?? []) ask(each);
  const hits = arrivals.map(ask);
  const missed = arrivals.filter((_, i) => !hits[i]);
  const engine = simulate(missed, parametersWith(options.slots ?? world.slots, missed.length), world.seed).requests;
  const random = seededRandom(world.seed ^ 0x1b873593);
  let next = 0;
  const requests = arrivals.map((arrival, i): LoggedRequest => {
    const hitMs = HIT_MS.median * Math.exp(HIT_MS.sigma * normal(random));
    const made = hits[i] ? undefined : engine[next++];
    return {
      ...{ arrivedMs: arrival.arrivedMs, key: arrival.key, answerBytes: arrival.bytes },
      ...{ promptTokens: arrival.promptTokens, completionTokens: arrival.completionTokens },
      cache: made === undefined ? "hit" : "miss",
      ttftMs: made === undefined ? hitMs : made.ttftMs,
      engine: made && {
        waitMs: made.queueMs,
        firstTokenMs: made.ttftMs - made.queueMs,
        serviceMs: made.totalMs - made.queueMs,
      },
    };
  });
  const sorted = requests.map(({ ttftMs }) => ttftMs ?? 0).sort((a, b) => a - b);
  return {
    requests,
    hitRatio: hits.filter(Boolean).length / Math.max(1, hits.length),
    ttftP50Ms: sorted[sorted.length >> 1] ?? Number.NaN,
  };
}

/** Answers per second of a queue that never runs dry, from so many requests of the world. */
export function measureCapacity(
  world: WorldOptions,
  of: { readonly slots: number; readonly requests: number; readonly seed: number },
): CapacityPoint {
  const random = seededRandom(of.seed);
  const jobs = Array.from({ length: of.requests }, (_, i) => ({ ...question(`load-${i}`, random), arrivedMs: 0 }));
  const { requests } = simulate(jobs, parametersWith(of.slots, of.requests), world.seed);
  const ends = requests.map(({ totalMs }) => totalMs).sort((a, b) => a - b);
  // Up to where the last one got its slot: behind it slots stand empty.
  const full = ends.length - of.slots;
  const rps = (1000 * full) / (ends[full - 1] ?? Number.NaN);
  return { slots: of.slots, rps, n: full, error: errorOf(ends.slice(0, full)) };
}

/** Relative standard error of a rate, from the times that equal parts of the answers took. */
function errorOf(endsMs: readonly number[]): number {
  const size = Math.floor(endsMs.length / PARTS);
  const parts = Array.from({ length: PARTS }, (_, i) => {
    return (endsMs[(i + 1) * size - 1] ?? 0) - (i === 0 ? 0 : (endsMs[i * size - 1] ?? 0));
  });
  const mean = parts.reduce((sum, each) => sum + each, 0) / PARTS;
  const variance = parts.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (PARTS - 1);
  return Math.sqrt(variance / PARTS) / mean;
}

const PARTS = 10;

function parametersWith(slots: number, maxQueued: number): SimulationParameters {
  // A slower engine with more to lose to each other than the default one.
  const cost = { stepMs: 6, sequenceMs: 1, prefillTokenMs: 0.2, context100kMs: 4, promptMs: 0 };
  return { ...DEFAULT_PARAMETERS, cost, slots, maxQueued: Math.max(1, maxQueued) };
}

function question(key: string, random: Random): Question {
  const [promptTokens, completionTokens] = [lognormal(PROMPT_TOKENS, random), lognormal(COMPLETION_TOKENS, random)];
  return {
    ...{ key, promptTokens, completionTokens },
    bytes: ENTRY_BYTES.fixed + ENTRY_BYTES.perToken * completionTokens,
  };
}

function lognormal({ median, sigma, max }: { median: number; sigma: number; max: number }, random: Random): number {
  return Math.min(max, Math.max(1, Math.round(median * Math.exp(sigma * normal(random)))));
}

function drawn(weights: readonly number[], mass: number): number {
  let left = mass;
  for (const [rank, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return rank;
  }
  return weights.length - 1;
}
