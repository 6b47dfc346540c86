// RouterService.WatchStats
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { CacheStatus } from "@chimera/contracts/common";
import {
  QuantilesSchema,
  StatsRowSchema,
  type WatchStatsRequest,
  type WatchStatsResponse,
  WatchStatsResponseSchema,
  WindowRatesSchema,
} from "@chimera/contracts/router";
import { type Clock, InvalidRequestError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Row } from "../measure/live-row.ts";
import { CACHE_STATUS_NAMES } from "../measure/metrics.ts";
import type { QuantileRow } from "../measure/quantiles.ts";
import type { Rates, Snapshot, Stats } from "../measure/stats.ts";

const DEFAULT_MS = 1000;
const MIN_MS = 200;
const MAX_MS = 60_000;
/** Watchers share a snapshot for this long, so that many of them cost no more than one; less than anyone waits for the next. */
const SHARED_MS = 150;

export interface WatchContext {
  clock: Clock;
  stats: Stats;
  draining(): AbortSignal;
}

export function watchStatsRpc(context: WatchContext) {
  const latest = sharedSnapshot(context);
  return async function* (request: WatchStatsRequest, rpc: HandlerContext): AsyncGenerator<WatchStatsResponse> {
    const everyMs = intervalMs(request);
    const ended = AbortSignal.any([rpc.signal, context.draining()]);
    while (!ended.aborted) {
      yield latest();
      await wait(everyMs, ended);
    }
  };
}

function sharedSnapshot({ clock, stats }: WatchContext): () => WatchStatsResponse {
  let message: WatchStatsResponse | undefined;
  let takenAtMs = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (message && nowMs - takenAtMs < SHARED_MS) return message;
    takenAtMs = nowMs;
    message = toMessage(stats.snapshot());
    return message;
  };
}

function intervalMs({ interval }: WatchStatsRequest): number {
  if (!interval) return DEFAULT_MS;
  const ms = Number(interval.seconds) * 1000 + interval.nanos / 1e6;
  if (ms >= MIN_MS && ms <= MAX_MS) return ms;
  throw new InvalidRequestError([{ field: "interval", description: `${ms} ms is out of range, ${MIN_MS} ms to 60 s` }]);
}

async function wait(ms: number, ended: AbortSignal): Promise<void> {
  // Rejects when ended; the loop then looks at the signal itself.
  await setTimeout(ms, undefined, { signal: ended }).catch(() => undefined);
}

export function toMessage(snapshot: Snapshot): WatchStatsResponse {
  const [second, tenSeconds, minute] = snapshot.rates;
  return create(WatchStatsResponseSchema, {
    rpsAvg: minute?.demandAvg ?? 0,
    rpsPeak1s: second?.demandPeak ?? 0,
    rpsPeak10s: tenSeconds?.demandPeak ?? 0,
    inFlight: snapshot.inFlight,
    queued: snapshot.queued,
    all: toRow(snapshot.all),
    byModelAndTenant: snapshot.rows.map(toRow),
    byCacheStatus: snapshot.byCacheStatus.map(toRow),
    rates: snapshot.rates.map(toRates),
    uptimeMs: BigInt(Math.round(snapshot.uptimeMs)),
  });
}

function toRates({ windowMs, ...perSecond }: Rates) {
  return create(WindowRatesSchema, { window: durationFromMs(windowMs), ...perSecond });
}

function toRow({ cacheStatus, ...row }: Row) {
  return create(StatsRowSchema, {
    model: row.model,
    tenant: row.tenant,
    cacheStatus: cacheStatus === CacheStatus.UNSPECIFIED ? "" : CACHE_STATUS_NAMES[cacheStatus],
    requests: BigInt(row.requests),
    errors: BigInt(row.errors),
    refused: BigInt(row.refused),
    cacheHits: BigInt(row.cacheHits),
    ttft: toQuantiles(row.ttft),
    interToken: toQuantiles(row.interToken),
    queue: toQuantiles(row.queue),
    turn: toQuantiles(row.turn),
  });
}

function toQuantiles({ n, p50Ms, p95Ms, p99Ms }: QuantileRow) {
  return create(QuantilesSchema, { n: BigInt(n), p50Ms, p95Ms, p99Ms });
}
