// Warm: has the answers stored that the next requests will most likely ask for; says how far it is.
import type { WarmRequest, WarmResponse } from "@chimera/contracts/cache";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { orderOf } from "../warm-up/order.ts";

export function warm({ warmUps, draining }: Pick<Context, "warmUps" | "draining">) {
  return (request: WarmRequest, rpc: Pick<HandlerContext, "signal">): AsyncGenerator<WarmResponse, void, undefined> =>
    warmUps.warm(orderOf(request), AbortSignal.any([rpc.signal, draining()]));
}
