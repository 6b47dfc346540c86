// Turns a Connect handler's context into a call: tenant, door, deadline, arrival.
import type { GenerateRequest } from "@chimera/contracts/router";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { type Door, type IncomingCall, WORKLOAD_HEADER, workloadOf } from "../path/call.ts";

export function incoming(context: Context, request: GenerateRequest, rpc: HandlerContext): IncomingCall {
  const arrivedAtMs = context.clock.monotonicMs();
  return {
    request,
    tenant: context.tenants.resolve((name) => rpc.requestHeader.get(name)),
    workload: workloadOf(rpc.requestHeader.get(WORKLOAD_HEADER)),
    door: rpc.protocolName as Door,
    signal: rpc.signal,
    timeoutMs: rpc.timeoutMs(),
    arrivedAtMs,
  };
}
