// What a frame of an answer is, told from a few bytes: the tag of a GenerateResponse's only field, and for a delta whether it
// holds text.
import { ENVELOPE_BYTES } from "@chimera/rpc";

/** Tags of GenerateResponse.part: accepted = 1, delta = 2, complete = 3, all length-delimited. */
export const ACCEPTED = 0x0a;
export const DELTA = 0x12;
export const COMPLETE = 0x1a;

/** Tag of Delta.text, field 2. */
const TEXT = 0x12;
const LENGTH_DELIMITED = 2;
const VARINT = 0;

/** What a run of whole frames holds. */
export interface Scan {
  /** Offset of the first frame that is not `accepted`. */
  begin: number;
  /** Offset of the frame `complete`; the length where there is none. */
  complete: number;
  /** Deltas with text before it. */
  deltas: number;
}

/** Looks at every frame once, without decoding any. */
export function scan(frames: Buffer): Scan {
  let begin = 0;
  let deltas = 0;
  for (let at = 0; at < frames.length; ) {
    const end = at + ENVELOPE_BYTES + frames.readUInt32BE(at + 1);
    const tag = frames[at + ENVELOPE_BYTES];
    if (tag === DELTA) {
      if (hasText(frames, at + ENVELOPE_BYTES, end)) deltas += 1;
    } else if (tag === COMPLETE) return { begin, complete: at, deltas };
    else if (tag === ACCEPTED && at === begin) begin = end;
    at = end;
  }
  return { begin, complete: frames.length, deltas };
}

/** The text of a delta message (tag and length included), or undefined where the message is none. */
export function deltaText(message: Buffer): string | undefined {
  if (message[0] !== DELTA) return undefined;
  const field = textField(message, 0, message.length);
  return field ? message.toString("utf8", field.from, field.to) : "";
}

function hasText(bytes: Buffer, from: number, to: number): boolean {
  const field = textField(bytes, from, to);
  return field !== undefined && field.to > field.from;
}

function textField(bytes: Buffer, from: number, to: number): { from: number; to: number } | undefined {
  // Past the tag and the length of the delta itself.
  let at = afterVarint(bytes, from + 1, to);
  while (at < to) {
    const tag = bytes[at] ?? 0;
    const next = at + 1;
    if ((tag & 7) === VARINT) at = afterVarint(bytes, next, to);
    else if ((tag & 7) === LENGTH_DELIMITED) {
      const start = afterVarint(bytes, next, to);
      const end = start + varint(bytes, next);
      if (tag === TEXT) return { from: start, to: Math.min(end, to) };
      at = end;
    } else return undefined;
  }
  return undefined;
}

export function varint(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at, scale = 1; i < bytes.length; i++, scale *= 128) {
    const byte = bytes[i] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return value;
}

export function afterVarint(bytes: Uint8Array, at: number, to: number): number {
  let next = at;
  while (next < to && (bytes[next] ?? 0) >= 0x80) next += 1;
  return next + 1;
}
