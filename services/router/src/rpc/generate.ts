// RouterService.Generate for gRPC-Web and Connect, over HTTP/1.1 and HTTP/2.
import type { GenerateResponse } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import type { Door } from "../path/call.ts";
import { enter } from "../path/enter.ts";
import { generate } from "../path/generate.ts";
import { pipeFrames } from "./frame-pipe.ts";

export function generateRpc(context: Context) {
  return (request: GenerateRequest, rpc: HandlerContext) =>
    answer(context, request, { rpc, door: rpc.protocolName as Door, signal: rpc.signal });
}

export interface TypedCall {
  rpc: HandlerContext;
  door: Door;
  /** Aborted when nobody wants the answer any more. */
  signal: AbortSignal;
}

/** One answer as typed parts. */
export function answer(
  context: Context,
  request: GenerateRequest,
  { rpc, door, signal }: TypedCall,
): AsyncGenerator<GenerateResponse, void, undefined> {
  const left = new AbortController();
  const produce = async (sink: Parameters<typeof generate>[3]) => {
    const incoming = await enter(context, {
      header: (name) => rpc.requestHeader.get(name),
      door,
      signal: AbortSignal.any([signal, left.signal]),
      timeoutMs: rpc.timeoutMs(),
    });
    await generate(context, incoming, request, sink);
  };
  return pipeFrames(produce, () => left.abort());
}
