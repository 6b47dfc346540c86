// Generate as bytes: one HTTP/2 stream, frames as the engine makes tokens, as fast as the reader takes them. What routers use.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema, InferenceService } from "@chimera/contracts/inference";
import { envelope, type RawCall, type RawMethod } from "@chimera/rpc";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { callSignal } from "./call-signal.ts";
import { deltaFrame } from "./delta-frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import { responseOf } from "./generate.ts";
import { type WirePart, wireParts } from "./wire-parts.ts";

export function generateRaw(context: Context): RawMethod {
  const path = `/${InferenceService.typeName}/${InferenceService.method.generate.name}`;
  return { path, handle: (call) => serve(context, call) };
}

async function serve(context: Context, call: RawCall): Promise<void> {
  const request = requestOf(await call.message());
  const { signal, release } = callSignal(call.signal, context.maxRequestMs);
  const writer = new FrameWriter(call, signal);
  try {
    for await (const part of wireParts(context, request, signal)) {
      if (writer.isFull) await writer.room();
      writer.add(frameOf(part));
    }
  } finally {
    writer.flush();
    release();
  }
}

/** Throws an error that blames the caller. */
function requestOf(message: Buffer): GenerateRequest {
  try {
    return fromBinary(GenerateRequestSchema, message);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectError(`the request can not be read: ${reason}`, Code.InvalidArgument);
  }
}

function frameOf(part: WirePart): Buffer {
  if (part.case === "delta") return deltaFrame(part.value);
  return envelope(toBinary(GenerateResponseSchema, responseOf(part)));
}
