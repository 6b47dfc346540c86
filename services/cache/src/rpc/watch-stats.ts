// The statistics once and then once per interval, until the watcher leaves or the cache drains.
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type StatsResponse,
  type WatchStatsRequest,
  type WatchStatsResponse,
  WatchStatsResponseSchema,
} from "@chimera/contracts/cache";
import { InvalidRequestError, OverloadedError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";

const DEFAULT_MS = 1000;
const MIN_MS = 200;
const MAX_MS = 60_000;
const MAX_WATCHERS = 64;
const RETRY_AFTER_MS = 1000;

export function watchStats({ draining }: Pick<Context, "draining">, stats: () => StatsResponse) {
  let watchers = 0;
  return async function* (request: WatchStatsRequest, rpc: HandlerContext): AsyncGenerator<WatchStatsResponse> {
    const everyMs = intervalMs(request);
    if (watchers >= MAX_WATCHERS) throw new OverloadedError(`${watchers} callers watch already`, RETRY_AFTER_MS);
    watchers += 1;
    try {
      const ended = AbortSignal.any([rpc.signal, draining()]);
      while (!ended.aborted) {
        yield create(WatchStatsResponseSchema, { stats: stats() });
        // Rejects when ended; the loop then looks at the signal itself.
        await setTimeout(everyMs, undefined, { signal: ended }).catch(() => undefined);
      }
    } finally {
      watchers -= 1;
    }
  };
}

function intervalMs({ interval }: WatchStatsRequest): number {
  const ms = interval === undefined ? DEFAULT_MS : durationMs(interval);
  if (ms >= MIN_MS && ms <= MAX_MS) return ms;
  throw new InvalidRequestError([{ field: "interval", description: `${ms} ms is out of range, ${MIN_MS} ms to 60 s` }]);
}
