// The frames of a token stream as an engine sends them, made once: accepted, deltas of 20 bytes each, complete.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FinishReason, GenerateResponseSchema } from "@chimera/contracts/common";
import { envelope } from "@chimera/rpc";

/** Of one message, without the five bytes before it. */
export const DELTA_BYTES = 20;
/** Prepared at most; 25 bytes each. */
export const MAX_DELTAS = 20_000;
/** Before and after the deltas of an answer. */
export const OTHER_MESSAGES = 2;

const FILLING = "token text ";
const deltas: Buffer[] = [];

export interface AcceptedBy {
  requestId: string;
  servedBy: string;
  model: string;
  modelVersion: string;
}

export function acceptedFrame(value: AcceptedBy): Buffer {
  return frameOf({ case: "accepted", value });
}

/** The delta of that place in an answer. */
export function deltaFrame(seq: number): Buffer {
  if (seq >= MAX_DELTAS) throw new RangeError(`an answer has at most ${MAX_DELTAS} deltas`);
  while (deltas.length <= seq) deltas.push(makeDelta(deltas.length));
  return deltas[seq] ?? Buffer.alloc(0);
}

export function completeFrame(completionTokens: number): Buffer {
  const usage = { promptTokens: 256, cachedTokens: 0, completionTokens };
  return frameOf({ case: "complete", value: { finishReason: FinishReason.LENGTH, usage, timings: {} } });
}

function makeDelta(seq: number): Buffer {
  const delta = (text: string) =>
    frameOf({ case: "delta", value: { seq, text, tokenCount: 1, tokenIds: [1 + (seq % 100)] } });
  const room = DELTA_BYTES - messageBytes(delta("x")) + 1;
  return delta(FILLING.repeat(2).slice(seq % FILLING.length, (seq % FILLING.length) + room));
}

function messageBytes(frame: Buffer): number {
  return frame.readUInt32BE(1);
}

function frameOf(part: MessageInitShape<typeof GenerateResponseSchema>["part"]): Buffer {
  return envelope(toBinary(GenerateResponseSchema, create(GenerateResponseSchema, { part })));
}
