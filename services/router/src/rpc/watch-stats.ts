// RouterService.WatchStats
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  QuantilesSchema,
  StatsRowSchema,
  type WatchStatsRequest,
  type WatchStatsResponse,
  WatchStatsResponseSchema,
} from "@chimera/contracts/router";
import { InvalidRequestError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import type { QuantileRow, Row, Snapshot } from "../measure/stats.ts";

const DEFAULT_MS = 1000;
const MIN_MS = 200;
const MAX_MS = 60_000;

export function watchStatsRpc(context: Context) {
  return async function* (request: WatchStatsRequest, rpc: HandlerContext): AsyncGenerator<WatchStatsResponse> {
    const everyMs = intervalMs(request);
    const ended = AbortSignal.any([rpc.signal, context.draining()]);
    while (!ended.aborted) {
      yield toMessage(context.stats.snapshot());
      await wait(everyMs, ended);
    }
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

function toMessage(snapshot: Snapshot): WatchStatsResponse {
  return create(WatchStatsResponseSchema, {
    rpsAvg: snapshot.rpsAvg,
    rpsPeak1s: snapshot.rpsPeak1s,
    rpsPeak10s: snapshot.rpsPeak10s,
    inFlight: snapshot.inFlight,
    all: toRow(snapshot.all),
    byModelAndTenant: snapshot.rows.map(toRow),
    uptimeMs: BigInt(Math.round(snapshot.uptimeMs)),
  });
}

function toRow(row: Row) {
  return create(StatsRowSchema, {
    model: row.model,
    tenant: row.tenant,
    requests: BigInt(row.requests),
    errors: BigInt(row.errors),
    cacheHits: BigInt(row.cacheHits),
    ttft: toQuantiles(row.ttft),
    interToken: toQuantiles(row.interToken),
    turn: toQuantiles(row.turn),
  });
}

function toQuantiles({ n, p50Ms, p95Ms, p99Ms }: QuantileRow) {
  return create(QuantilesSchema, { n: BigInt(n), p50Ms, p95Ms, p99Ms });
}
