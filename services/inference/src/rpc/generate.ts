// Generate: one request in, accepted, deltas and complete out, as fast as the reader takes them.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AcceptedSchema, FinishReason, type GenerateResponseSchema } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/inference";
import { currentTraceId } from "@chimera/telemetry";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import type { CompletePart, EngineDescription } from "../engine/engine.ts";
import { validateGenerate } from "../validate.ts";
import { callSignal } from "./call-signal.ts";
import { GenerationSpan } from "./generation-span.ts";

type Response = MessageInitShape<typeof GenerateResponseSchema>;

export function generate(context: Context) {
  return async function* (request: GenerateRequest, rpc: HandlerContext): AsyncGenerator<Response, void, undefined> {
    const served = context.engine.describe();
    const span = new GenerationSpan(request, served);
    const { signal, release } = callSignal(rpc.signal, context.maxRequestMs);
    try {
      const limits = { model: served.model, maxPromptBytes: context.maxPromptBytes };
      const engineRequest = validateGenerate(request, limits);
      let seq = 0;
      for await (const part of context.engine.generate(engineRequest, signal)) {
        span.note(part);
        if (part.kind === "admitted") yield accepted(request.requestId, context.replica, served);
        else if (part.kind === "complete") yield completed(part);
        else yield { part: { case: "delta", value: { seq: seq++, text: part.text, tokenCount: part.tokenCount } } };
      }
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      release();
      span.end();
    }
  };
}

function accepted(requestId: string, servedBy: string, { model, modelVersion }: EngineDescription): Response {
  const value = create(AcceptedSchema, { requestId, servedBy, model, modelVersion, traceId: currentTraceId() });
  return { part: { case: "accepted", value } };
}

function completed({ finishReason, usage, timings }: CompletePart): Response {
  const reason = finishReason === "stop" ? FinishReason.STOP : FinishReason.LENGTH;
  return { part: { case: "complete", value: { finishReason: reason, usage, timings } } };
}
