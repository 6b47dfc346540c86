// One Generate call whatever door it came through: checked, run by the engine, each part in the shape in which it travels.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type AcceptedSchema, type CompleteSchema, FinishReason } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/inference";
import { currentTraceId } from "@chimera/telemetry";
import type { Context } from "../context.ts";
import type { CompletePart, EngineDescription } from "../engine/engine.ts";
import { validateGenerate } from "../validate.ts";
import { recordGeneration } from "./generation-metrics.ts";
import { GenerationSpan } from "./generation-span.ts";

export interface WireDelta {
  seq: number;
  text: string;
  tokenCount: number;
  tokenIds: readonly number[];
}

export type WirePart =
  | { case: "accepted"; value: MessageInitShape<typeof AcceptedSchema> }
  | { case: "delta"; value: WireDelta }
  | { case: "complete"; value: MessageInitShape<typeof CompleteSchema> };

const NO_TOKENS: readonly number[] = [];

/** Leaving it, or an abort of `signal`, ends the work. */
export async function* wireParts(
  context: Context,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<WirePart, void, undefined> {
  const served = context.engine.describe();
  const span = new GenerationSpan(request, served);
  try {
    const engineRequest = validateGenerate(request, { ...served, maxPromptBytes: context.maxPromptBytes });
    let seq = request.resume?.nextSeq ?? 0;
    for await (const part of context.engine.generate(engineRequest, signal)) {
      span.note(part);
      if (part.kind === "admitted") yield accepted(request.requestId, context.replica, served);
      else if (part.kind === "complete") {
        recordGeneration(engineRequest, served, part);
        yield completed(part);
      } else {
        const { text, tokenCount, tokenIds = NO_TOKENS } = part;
        yield { case: "delta", value: { seq: seq++, text, tokenCount, tokenIds } };
      }
    }
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

function accepted(requestId: string, servedBy: string, { model, modelVersion }: EngineDescription): WirePart {
  return { case: "accepted", value: { requestId, servedBy, model, modelVersion, traceId: currentTraceId() } };
}

function completed({ finishReason, usage, timings }: CompletePart): WirePart {
  const reason = finishReason === "stop" ? FinishReason.STOP : FinishReason.LENGTH;
  return { case: "complete", value: { finishReason: reason, usage, timings } };
}
