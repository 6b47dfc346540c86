// WatchLoad: the load now, then on every change, until the watcher leaves or the replica drains.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchLoadRequest, WatchLoadResponseSchema } from "@chimera/contracts/inference";
import { OverloadedError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { loadMessage } from "../load-message.ts";
import { loadUpdates } from "../load-updates.ts";

/** A replica is watched by few: what many need is in the load reports. */
const MAX_WATCHERS = 64;
const RETRY_AFTER_MS = 1000;

type Response = MessageInitShape<typeof WatchLoadResponseSchema>;

export function watchLoad({ engine, draining }: Context) {
  let watchers = 0;
  return async function* (_request: WatchLoadRequest, rpc: HandlerContext): AsyncGenerator<Response, void, undefined> {
    if (watchers >= MAX_WATCHERS) {
      throw new OverloadedError(`${watchers} callers watch the load already`, RETRY_AFTER_MS);
    }
    watchers += 1;
    try {
      const signal = AbortSignal.any([rpc.signal, draining()]);
      for await (const load of loadUpdates(engine, { signal })) yield { load: loadMessage(load) };
    } finally {
      watchers -= 1;
    }
  };
}
