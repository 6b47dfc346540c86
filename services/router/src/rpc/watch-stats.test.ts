import { CacheStatus } from "@chimera/contracts/common";
import type { WatchStatsRequest } from "@chimera/contracts/router";
import { InvalidRequestError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { Stats } from "../measure/stats.ts";
import { HandClock } from "../measure/testing/hand-clock.ts";
import { watchStatsRpc } from "./watch-stats.ts";

function watching() {
  const clock = new HandClock();
  const stats = new Stats(clock, () => 2);
  const drain = new AbortController();
  const rpc = watchStatsRpc({ clock, stats, draining: () => drain.signal });
  const watch = (request: Partial<WatchStatsRequest> = {}) =>
    rpc(request as WatchStatsRequest, { signal: new AbortController().signal } as HandlerContext);
  return { clock, stats, drain, watch };
}

const ended = { model: "m", tenant: "t", cacheStatus: CacheStatus.HIT, ok: true, failed: false, refused: false };

describe("WatchStats", () => {
  it("tells rates of three windows, the rows, and what is in flight and waits", async () => {
    const { clock, stats, watch } = watching();
    clock.ms += 2000;
    stats.arrived();
    stats.arrived();
    stats.ended({ ...ended, ttftMs: 4, queueMs: undefined, turnMs: 9 });
    stats.arrived();
    stats.ended({
      ...ended,
      cacheStatus: 0,
      ok: false,
      failed: true,
      refused: true,
      ttftMs: undefined,
      queueMs: 7,
      turnMs: 8,
    });
    const { value } = await watch().next();
    expect(value).toMatchObject({
      ...{ rpsAvg: 1.5, rpsPeak1s: 3, rpsPeak10s: 0.3, inFlight: 1, queued: 2, uptimeMs: 2000n },
      rates: [
        { window: { seconds: 1n }, demandAvg: 3, demandPeak: 3, servedAvg: 1, refusedAvg: 1 },
        { window: { seconds: 10n }, demandAvg: 1.5, demandPeak: 0.3 },
        { window: { seconds: 60n }, demandAvg: 1.5, demandPeak: 0.05 },
      ],
      all: {
        requests: 2n,
        errors: 1n,
        refused: 1n,
        cacheHits: 1n,
        ttft: { n: 1n, p50Ms: 4 },
        queue: { n: 1n, p99Ms: 7 },
      },
      byModelAndTenant: [{ model: "m", tenant: "t", cacheStatus: "", requests: 2n, turn: { n: 1n, p50Ms: 9 } }],
      byCacheStatus: [
        { cacheStatus: "hit", requests: 1n },
        { cacheStatus: "miss", requests: 0n },
        { cacheStatus: "bypass", requests: 0n },
        { cacheStatus: "stale", requests: 0n },
        { cacheStatus: "joined", requests: 0n },
      ],
    });
  });

  it("takes one snapshot for all who watch at a time, and a new one for whoever comes later", async () => {
    const { clock, stats, watch } = watching();
    const snapshot = vi.spyOn(stats, "snapshot");
    for (let i = 0; i < 20; i++) await watch().next();
    expect(snapshot).toHaveBeenCalledTimes(1);
    clock.ms += 200;
    stats.arrived();
    expect((await watch().next()).value).toMatchObject({ inFlight: 1 });
    expect(snapshot).toHaveBeenCalledTimes(2);
  });

  it("ends when the router drains", async () => {
    const { drain, watch } = watching();
    const stream = watch();
    await stream.next();
    drain.abort();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("refuses an interval out of range by name", async () => {
    const { watch } = watching();
    const interval = { $typeName: "google.protobuf.Duration", seconds: 0n, nanos: 199_000_000 } as const;
    await expect(watch({ interval }).next()).rejects.toThrow(InvalidRequestError);
  });
});
