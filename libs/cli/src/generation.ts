// One request through the router's door as a client sees it: the text, when its first word came, and how it ended.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Accepted, Complete } from "@chimera/contracts/common";
import { type GenerateRequestSchema, RouterService } from "@chimera/contracts/router";
import { type Clock, InternalError } from "@chimera/kernel";
import { connectClient, fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import { newTrace } from "./traceparent.ts";

export type RouterClient = RpcClient<typeof RouterService>;
export type GenerateInput = MessageInitShape<typeof GenerateRequestSchema>;

export interface GenerateOptions {
  router: RouterClient;
  tenant: string;
  request: GenerateInput;
  clock: Clock;
  signal: AbortSignal;
  timeoutMs: number;
  /** Starts a trace that every service records; otherwise the router decides by its own sampling. */
  traced?: boolean;
  /** Called with each piece of the answer as it comes. */
  onText?(text: string): void;
}

export interface Generation {
  text: string;
  accepted: Accepted | undefined;
  complete: Complete;
  /** Call to first piece of text, on the client's clock; undefined where the answer is empty. */
  ttftMs: number | undefined;
  totalMs: number;
  /** W3C trace id, 32 hex digits; empty where the request is not traced. */
  traceId: string;
}

export function connectRouter(url: string): RouterClient {
  return connectClient(RouterService, url);
}

/** Throws a ChimeraError where the mesh refuses, fails, or breaks off. */
export async function generate(options: GenerateOptions): Promise<Generation> {
  const { router, tenant, request, clock, onText } = options;
  const trace = options.traced ? newTrace() : undefined;
  const headers = { "x-chimera-tenant": tenant, ...(trace && { traceparent: trace.traceparent }) };
  const startedAtMs = clock.monotonicMs();
  let accepted: Accepted | undefined;
  let complete: Complete | undefined;
  let ttftMs: number | undefined;
  let text = "";
  try {
    const open = (signal: AbortSignal) => router.client.generate(request, { headers, signal });
    for await (const { part } of ownedStream(open, { signal: options.signal, timeoutMs: options.timeoutMs })) {
      if (part.case === "accepted") accepted = part.value;
      else if (part.case === "complete") complete = part.value;
      else if (part.case === "delta" && part.value.text !== "") {
        ttftMs ??= clock.monotonicMs() - startedAtMs;
        text += part.value.text;
        onText?.(part.value.text);
      }
    }
  } catch (error) {
    throw fromConnectError(error);
  }
  if (complete === undefined) throw new InternalError("the answer broke off: its stream ended without a last part");
  const traceId = accepted?.traceId || trace?.traceId || "";
  return { text, accepted, complete, ttftMs, totalMs: clock.monotonicMs() - startedAtMs, traceId };
}
