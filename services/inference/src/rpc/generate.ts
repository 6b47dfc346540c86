// Generate for protocols that are served as messages: Connect, gRPC-Web, compressed gRPC.
import { create } from "@bufbuild/protobuf";
import { type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/inference";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { callSignal } from "./call-signal.ts";
import { type WirePart, wireParts } from "./wire-parts.ts";

export function generate(context: Context) {
  return async function* (
    request: GenerateRequest,
    rpc: HandlerContext,
  ): AsyncGenerator<GenerateResponse, void, undefined> {
    const { signal, release } = callSignal(rpc.signal, context.maxRequestMs);
    try {
      for await (const part of wireParts(context, request, signal)) yield responseOf(part);
    } finally {
      release();
    }
  };
}

export function responseOf(part: WirePart): GenerateResponse {
  const init = part.case === "delta" ? { ...part, value: { ...part.value, tokenIds: [...part.value.tokenIds] } } : part;
  return create(GenerateResponseSchema, { part: init });
}
