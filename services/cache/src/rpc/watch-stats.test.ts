import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { StatsResponseSchema, type WatchStatsRequest, WatchStatsRequestSchema } from "@chimera/contracts/cache";
import { InvalidRequestError, OverloadedError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { watchStats } from "./watch-stats.ts";

function watching() {
  let hits = 0n;
  const drain = new AbortController();
  const rpc = watchStats({ draining: () => drain.signal }, () => create(StatsResponseSchema, { hits: hits++ }));
  const watch = (request: Partial<WatchStatsRequest> = { interval: durationFromMs(200) }) =>
    rpc(create(WatchStatsRequestSchema, request), { signal: new AbortController().signal } as HandlerContext);
  return { drain, watch };
}

it("WatchStats tells them at once, then again and again, until the cache drains", async () => {
  const { drain, watch } = watching();
  const stream = watch();
  expect((await stream.next()).value).toMatchObject({ stats: { hits: 0n } });
  expect((await stream.next()).value).toMatchObject({ stats: { hits: 1n } });
  drain.abort();
  expect(await stream.next()).toMatchObject({ done: true });
});

it("WatchStats refuses an interval out of range, and more watchers than it has room for", async () => {
  const { watch } = watching();
  await expect(watch({ interval: durationFromMs(199) }).next()).rejects.toThrow(InvalidRequestError);
  const streams = Array.from({ length: 64 }, () => watch());
  for (const stream of streams) await stream.next();
  await expect(watch().next()).rejects.toThrow(OverloadedError);
  await streams[0]?.return(undefined);
  expect((await watch().next()).done).toBe(false);
});
