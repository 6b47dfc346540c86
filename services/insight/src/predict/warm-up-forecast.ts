// What a warm-up would have done to the later half of the log, with answers chosen from the earlier half alone: hits by replay
// through the cache's policy, waiting by simulation of the slots, times as they were measured.
import { type Random, seededRandom } from "@chimera/kernel";
import type { PredictedChange } from "../ledger/prediction.ts";
import { blocksOf } from "./blocks.ts";
import { type HitAndMissTtft, hitRatioNeeded } from "./hit-mixture.ts";
import type { LoggedRequest } from "./observed.ts";
import { countChange, medianChange } from "./paired-windows.ts";
import {
  type CacheFactory,
  chooseWarmSet,
  replayHits,
  unboundedCache,
  type WarmLimits,
  type WarmSet,
} from "./replay.ts";
import { type Engine, type Job, serve } from "./waiting.ts";

/** Requests that each half needs, and measured misses to draw times from. */
export const MIN_REQUESTS = 200;
export const MIN_MISSES = 50;

export interface WarmUpInput {
  readonly requests: readonly LoggedRequest[];
  readonly create: CacheFactory;
  readonly capacityBytes: number;
  readonly start: "empty" | "as it is";
  readonly limits: WarmLimits;
  /** Where it is known; else nobody waits longer or shorter than was measured. */
  readonly engine: Engine | undefined;
  /** Undefined: as many as now. For plans that change both. */
  readonly engineAfter?: Engine | undefined;
  readonly seed: number;
}

export interface WarmUpForecast {
  /** Of the replayed half, without and with warm answers. */
  readonly hitRatio: number;
  readonly warmHitRatio: number;
  /** With every question of the earlier half stored and no bound: what no warm-up surpasses. */
  readonly mostHitRatio: number;
  readonly ttftP50Ms: number;
  readonly ttft: PredictedChange;
  /** Undefined where nothing hit without. */
  readonly hits: PredictedChange | undefined;
  readonly warm: WarmSet;
  /** Requests replayed. */
  readonly n: number;
  readonly replayedMs: number;
  readonly blockMs: number;
  /** Hit ratio at which the median falls by a share; undefined where hits alone do not get there. */
  needed(gain: number): number | undefined;
}

/** Why there is too little to predict from; undefined where there is enough. */
export function missingForReplay(requests: readonly LoggedRequest[]): string | undefined {
  if (requests.length < 2 * MIN_REQUESTS) {
    return `a log of at least ${2 * MIN_REQUESTS} requests; there are ${requests.length}`;
  }
  const misses = requests.filter(isMeasuredMiss).length;
  if (misses < MIN_MISSES) return `the times of at least ${MIN_MISSES} misses; there are ${misses}`;
  return undefined;
}

export function forecastWarmUp(input: WarmUpInput): WarmUpForecast {
  const { requests, create, capacityBytes, start, limits, seed } = input;
  const half = requests.length >> 1;
  const [earlier, later] = [requests.slice(0, half), requests.slice(half)];
  const before = start === "empty" ? [] : earlier;
  const warm = chooseWarmSet(earlier, limits);
  const cold = replayHits(later, { create, capacityBytes, before });
  const warmed = replayHits(later, { create, capacityBytes, before, warm });
  const most = replayHits(later, { create: unboundedCache, capacityBytes, before: earlier });
  const times = timesOf(requests);
  const { engine, engineAfter = engine } = input;
  const without = ttftOf(later, { hits: cold, times, engine, seed });
  const having = ttftOf(later, { hits: warmed, times, engine: engineAfter, seed });
  const blocks = blocksOf({ fromMs: later[0]?.arrivedMs ?? 0, toMs: later.at(-1)?.arrivedMs ?? 0 });
  const windows = { blocks, atMs: later.map(({ arrivedMs }) => arrivedMs), seed };
  const { beforeMedian, change } = medianChange({ ...windows, before: without, after: having });
  const hitRatio = shareOf(cold);
  return {
    hitRatio,
    warmHitRatio: shareOf(warmed),
    mostHitRatio: shareOf(most),
    ttftP50Ms: beforeMedian,
    ttft: change,
    hits: countChange({ ...windows, before: cold, after: warmed }),
    warm,
    n: later.length,
    replayedMs: blocks.lengthMs * blocks.count,
    blockMs: blocks.lengthMs,
    needed: (gain) => hitRatioNeeded(mixtureOf(times), hitRatio, gain),
  };
}

interface Times {
  readonly hitMs: readonly number[];
  readonly misses: readonly LoggedRequest[];
}

/** Where no hit was measured: a lookup and one write, as the cache is built for. */
export const ASSUMED_HIT_MS = 5;

function timesOf(requests: readonly LoggedRequest[]): Times {
  const hitMs = requests.flatMap(({ cache, ttftMs }) => (cache === "hit" && ttftMs !== undefined ? [ttftMs] : []));
  return { hitMs: hitMs.length === 0 ? [ASSUMED_HIT_MS] : hitMs, misses: requests.filter(isMeasuredMiss) };
}

function mixtureOf({ hitMs, misses }: Times): HitAndMissTtft {
  return {
    hitMs: Float64Array.from(hitMs).sort(),
    missMs: Float64Array.from(misses, ({ ttftMs }) => ttftMs ?? 0).sort(),
  };
}

export function hitAndMissTtft(requests: readonly LoggedRequest[]): HitAndMissTtft {
  return mixtureOf(timesOf(requests));
}

function isMeasuredMiss({ cache, ttftMs }: LoggedRequest): boolean {
  return cache !== "hit" && cache !== "joined" && ttftMs !== undefined;
}

interface TtftInput {
  readonly hits: readonly boolean[];
  readonly times: Times;
  readonly engine: Engine | undefined;
  readonly seed: number;
}

/** Each request keeps its own time where it has one of that kind; else one is drawn, the same one in every run with the seed. */
function ttftOf(requests: readonly LoggedRequest[], { hits, times, engine, seed }: TtftInput): number[] {
  const random = seededRandom(seed ^ 0x51ed270b);
  const ttftMs: number[] = [];
  const jobs: { at: number; job: Job }[] = [];
  for (const [at, request] of requests.entries()) {
    const [drawnHitMs = ASSUMED_HIT_MS, drawnMiss] = [pick(times.hitMs, random), pick(times.misses, random)];
    const miss = isMeasuredMiss(request) ? request : drawnMiss;
    if (hits[at]) ttftMs.push(request.cache === "hit" ? (request.ttftMs ?? drawnHitMs) : drawnHitMs);
    else {
      ttftMs.push(miss?.ttftMs ?? 0);
      if (miss?.engine) jobs.push({ at, job: { ...miss.engine, arrivedMs: request.arrivedMs } });
    }
  }
  if (engine === undefined) return ttftMs;
  const served = serve(
    jobs.map(({ job }) => job),
    engine,
  );
  for (const [i, { at }] of jobs.entries()) ttftMs[at] = served[i]?.ttftMs ?? 0;
  return ttftMs;
}

function pick<T>(values: readonly T[], random: Random): T | undefined {
  return values[Math.floor(random() * values.length)];
}

function shareOf(hits: readonly boolean[]): number {
  return hits.filter(Boolean).length / Math.max(1, hits.length);
}
