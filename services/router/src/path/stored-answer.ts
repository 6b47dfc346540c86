// Between the frames of a stream and the answer the cache keeps. Both hold the same deltas behind other tags, so bytes are moved
// and nothing is decoded but the end.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Complete, CompleteSchema, GenerateResponseSchema, TimingsSchema } from "@chimera/contracts/common";
import { ENVELOPE_BYTES, envelope, messagesIn } from "@chimera/rpc";
import { afterVarint, COMPLETE, DELTA, varint } from "../relay/parts.ts";

/** Tags of StoredAnswer: deltas = 1, complete = 2, ttft_ms = 3. */
const STORED_DELTA = 0x0a;
const STORED_COMPLETE = 0x12;
const STORED_TTFT = 0x19;
const TTFT_BYTES = 9;

/** A StoredAnswer of whole frames: deltas, then complete. */
export function storedAnswerOf(frames: Buffer, ttftMs: number): Buffer {
  const answer = Buffer.allocUnsafe(frames.length + TTFT_BYTES);
  let at = 0;
  for (const message of messagesIn(frames)) {
    const tag = message[0] === DELTA ? STORED_DELTA : message[0] === COMPLETE ? STORED_COMPLETE : undefined;
    if (tag === undefined) continue;
    answer.set(message, at);
    answer[at] = tag;
    at += message.length;
  }
  answer[at] = STORED_TTFT;
  answer.writeDoubleLE(ttftMs, at + 1);
  return answer.subarray(0, at + TTFT_BYTES);
}

export interface Replay {
  /** Deltas as they were, then the end with the tokens it once cost and no engine time. */
  frames: Buffer;
  complete: Complete;
}

/** Undefined where the bytes are no whole answer. */
export function replayOf(answer: Uint8Array): Replay | undefined {
  const frames: Buffer[] = [];
  let complete: Complete | undefined;
  for (let at = 0; at < answer.length && answer[at] !== STORED_TTFT; ) {
    const start = afterVarint(answer, at + 1, answer.length);
    const end = start + varint(answer, at + 1);
    if (end > answer.length) return undefined;
    if (answer[at] === STORED_DELTA) frames.push(retagged(answer.subarray(at, end), DELTA));
    else if (answer[at] === STORED_COMPLETE) complete = fromBinary(CompleteSchema, answer.subarray(start, end));
    else return undefined;
    at = end;
  }
  if (!complete) return undefined;
  const { finishReason, usage } = complete;
  const last = create(GenerateResponseSchema, {
    part: { case: "complete", value: { finishReason, usage, timings: create(TimingsSchema) } },
  });
  return { frames: Buffer.concat([...frames, envelope(toBinary(GenerateResponseSchema, last))]), complete };
}

/** What the frame `complete` says. */
export function completeOf(frame: Buffer): Partial<Complete> {
  const { part } = fromBinary(GenerateResponseSchema, frame.subarray(ENVELOPE_BYTES));
  return part.case === "complete" ? part.value : {};
}

function retagged(message: Uint8Array, tag: number): Buffer {
  const frame = envelope(message);
  frame[ENVELOPE_BYTES] = tag;
  return frame;
}
