// A delta as one gRPC frame, written by hand: it is the one message that is made for every token, and the general encoder makes
// a message object and a growing buffer for each.
import { ENVELOPE_BYTES } from "@chimera/rpc";
import type { WireDelta } from "./wire-parts.ts";

/** Field numbers and wire types of GenerateResponse.delta and of Delta's seq, text, token_count, token_ids. */
const DELTA = (2 << 3) | 2;
const SEQ = 1 << 3;
const TEXT = (2 << 3) | 2;
const TOKEN_COUNT = 3 << 3;
const TOKEN_IDS = (4 << 3) | 2;

/** The same bytes as the general encoder: what is zero or empty is left out. */
export function deltaFrame({ seq, text, tokenCount, tokenIds }: WireDelta): Buffer {
  const textBytes = Buffer.byteLength(text);
  let idBytes = 0;
  for (const id of tokenIds) idBytes += varintBytes(id);
  const deltaBytes = numberBytes(seq) + lengthBytes(textBytes) + numberBytes(tokenCount) + lengthBytes(idBytes);
  const messageBytes = 1 + varintBytes(deltaBytes) + deltaBytes;
  const frame = Buffer.allocUnsafe(ENVELOPE_BYTES + messageBytes);
  frame[0] = 0;
  frame.writeUInt32BE(messageBytes, 1);
  frame[ENVELOPE_BYTES] = DELTA;
  let at = writeVarint(frame, deltaBytes, ENVELOPE_BYTES + 1);
  if (seq > 0) {
    frame[at] = SEQ;
    at = writeVarint(frame, seq, at + 1);
  }
  if (textBytes > 0) {
    frame[at] = TEXT;
    at = writeVarint(frame, textBytes, at + 1);
    at += frame.write(text, at);
  }
  if (tokenCount > 0) {
    frame[at] = TOKEN_COUNT;
    at = writeVarint(frame, tokenCount, at + 1);
  }
  if (idBytes > 0) {
    frame[at] = TOKEN_IDS;
    at = writeVarint(frame, idBytes, at + 1);
    for (const id of tokenIds) at = writeVarint(frame, id, at);
  }
  return frame;
}

/** Of a field of its own with this number; 0 leaves it out. */
function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

/** Of a field of its own with so many bytes. */
function lengthBytes(bytes: number): number {
  return bytes === 0 ? 0 : 1 + varintBytes(bytes) + bytes;
}

/** For whole numbers below 2^32. */
function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Returns where the next byte goes. */
function writeVarint(into: Buffer, value: number, at: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    into[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[next++] = rest;
  return next;
}
