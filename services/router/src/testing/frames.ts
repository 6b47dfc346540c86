// Frames of an answer, for tests.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FinishReason, type GenerateResponse, GenerateResponseSchema } from "@chimera/contracts/common";
import { envelope, messagesIn } from "@chimera/rpc";

function frame(part: MessageInitShape<typeof GenerateResponseSchema>["part"]): Buffer {
  return envelope(toBinary(GenerateResponseSchema, create(GenerateResponseSchema, { part })));
}

export function acceptedFrame(servedBy: string): Buffer {
  return frame({ case: "accepted", value: { requestId: "r", servedBy } });
}

/** One token per delta; its id is the seq. */
export function deltaFrame(seq: number, text = `t${seq} `): Buffer {
  return frame({ case: "delta", value: { seq, text, tokenCount: 1, tokenIds: [seq] } });
}

export function completeFrame(completionTokens: number): Buffer {
  const usage = { promptTokens: 5, cachedTokens: 0, completionTokens };
  return frame({ case: "complete", value: { finishReason: FinishReason.STOP, usage, timings: { totalMs: 9 } } });
}

export function partsIn(frames: Buffer): GenerateResponse["part"][] {
  return [...messagesIn(frames)].map((message) => fromBinary(GenerateResponseSchema, message).part);
}
