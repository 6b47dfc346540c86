// RouterService.WatchStats as a loop over plain objects. Leaving the loop ends the call.

import { cancelled } from "../error.ts";
import { type CallOptions, callHeaders } from "../options.ts";
import { type Stats, toStats } from "../stats.ts";
import { CallScope } from "./call-scope.ts";
import { toClientError } from "./failure.ts";
import type { Shared } from "./surroundings.ts";

export interface WatchOptions extends CallOptions {
  /** 200 ms to 60 s; 1 s where left out. */
  intervalMs?: number;
}

export async function* watchStats(shared: Shared, options: WatchOptions = {}): AsyncGenerator<Stats, void, undefined> {
  const { intervalMs, ...callOptions } = options;
  const scope = new CallScope({ ...callOptions, clock: shared.clock, live: shared.live });
  try {
    const [router, headers] = await Promise.all([shared.router(), callHeaders(shared.options)]);
    scope.throwIfAborted();
    const call = { headers, signal: scope.signal, timeoutMs: scope.remainingMs };
    for await (const response of router.watchStats(toRequest(intervalMs), call)) yield toStats(response);
  } catch (error) {
    throw scope.signal.aborted ? scope.signal.reason : toClientError(error, shared.connection);
  } finally {
    scope.abort(cancelled("the watch was left"));
  }
}

function toRequest(intervalMs: number | undefined) {
  if (intervalMs === undefined) return {};
  const seconds = Math.floor(intervalMs / 1000);
  return { interval: { seconds: BigInt(seconds), nanos: Math.round((intervalMs - seconds * 1000) * 1e6) } };
}
