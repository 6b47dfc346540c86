// What the router measures, in plain numbers.
import type { Quantiles, StatsRow, WatchStatsResponse, WindowRates } from "@chimera/contracts/router";

/** A distribution in milliseconds over the last 60 s. */
export interface QuantilesMs {
  n: number;
  p50: number;
  p95: number;
  p99: number;
}

/** Requests by outcome and their times, over the last 60 s. */
export interface TrafficRow {
  /** Empty in the row of all requests. */
  model: string;
  tenant: string;
  /** "hit", "miss", "bypass", "stale" or "joined" in the rows by cache status; empty elsewhere. */
  cacheStatus: string;
  requests: number;
  errors: number;
  /** Turned away before any work; among the errors. */
  refused: number;
  cacheHits: number;
  /** From the router's door to the first non-empty delta. */
  ttftMs: QuantilesMs;
  interTokenMs: QuantilesMs;
  /** From the router's door to the end of the answer. */
  turnMs: QuantilesMs;
  /** In the router's own queue. */
  queueMs: QuantilesMs;
}

/** Per second, over windows of one length. */
export interface Rates {
  windowMs: number;
  demandAvg: number;
  /** The busiest window of this length within the last 60 s. */
  demandPeak: number;
  servedAvg: number;
  refusedAvg: number;
}

export interface Stats {
  rpsAvg: number;
  rpsPeak1s: number;
  rpsPeak10s: number;
  inFlight: number;
  /** Waiting in the router for a replica with room. */
  queued: number;
  uptimeMs: number;
  all: TrafficRow;
  byModelAndTenant: TrafficRow[];
  byCacheStatus: TrafficRow[];
  rates: Rates[];
}

export function toStats(response: WatchStatsResponse): Stats {
  const { rpsAvg, rpsPeak1s, rpsPeak10s, inFlight, queued, uptimeMs } = response;
  return {
    ...{ rpsAvg, rpsPeak1s, rpsPeak10s, inFlight, queued, uptimeMs: Number(uptimeMs) },
    all: toRow(response.all),
    byModelAndTenant: response.byModelAndTenant.map(toRow),
    byCacheStatus: response.byCacheStatus.map(toRow),
    rates: response.rates.map(toRates),
  };
}

function toRow(row?: StatsRow): TrafficRow {
  return {
    model: row?.model ?? "",
    tenant: row?.tenant ?? "",
    cacheStatus: row?.cacheStatus ?? "",
    requests: Number(row?.requests ?? 0),
    errors: Number(row?.errors ?? 0),
    refused: Number(row?.refused ?? 0),
    cacheHits: Number(row?.cacheHits ?? 0),
    ttftMs: toQuantiles(row?.ttft),
    interTokenMs: toQuantiles(row?.interToken),
    turnMs: toQuantiles(row?.turn),
    queueMs: toQuantiles(row?.queue),
  };
}

function toQuantiles(quantiles?: Quantiles): QuantilesMs {
  const { n = 0n, p50Ms = 0, p95Ms = 0, p99Ms = 0 } = quantiles ?? {};
  return { n: Number(n), p50: p50Ms, p95: p95Ms, p99: p99Ms };
}

function toRates({ window, demandAvg, demandPeak, servedAvg, refusedAvg }: WindowRates): Rates {
  const windowMs = Number(window?.seconds ?? 0) * 1000 + (window?.nanos ?? 0) / 1e6;
  return { windowMs, demandAvg, demandPeak, servedAvg, refusedAvg };
}
