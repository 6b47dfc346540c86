// One answer as one Redis string: a head of fixed size, the facts, the body. Redis writes a string whole or not at all, so
// no reader ever sees half an answer. What changes after the write stands in the head, in places of its own.
import { z } from "zod";
import { CHECKSUM_BYTES, checksumOf, type PlainFacts } from "./checksum.ts";
import type { KeptFacts, KeptRow, StoredRow } from "./store.ts";

/** Part of the key: another layout gets another one, so that neither version takes the other's answers for damaged. */
export const LAYOUT = "1";
export const MAGIC = "CHA1";
const FACTS_BYTES_AT = 4;
export const USES_AT = 8;
const LAST_USED_AT = 16;
export const PRUNED_AT = 24;
const CHECKSUM_AT = 32;
const HEAD_BYTES = CHECKSUM_AT + CHECKSUM_BYTES;
/** Facts are a few hundred bytes, with the longest tags a few thousand. */
const MAX_FACTS_BYTES = 65_536;
/** Read at first where only the facts are wanted: holds nearly all of them. */
export const FIRST_READ_BYTES = 1024;

const fixedFacts = z.object({
  key: z.string(),
  tenant: z.string(),
  model: z.string(),
  bytes: z.number(),
  ttftMs: z.number(),
  promptTokens: z.number(),
  tokens: z.number(),
  tags: z.array(z.string()),
  origin: z.enum(["request", "warm-up"]),
  storedAtMs: z.number(),
  freshUntilMs: z.number(),
  staleUntilMs: z.number(),
});

export function encodeValue({ body, hits, lastUsedMs, ...fixed }: StoredRow): Buffer {
  const facts = Buffer.from(JSON.stringify(fixed));
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC);
  head.writeUInt32LE(facts.byteLength, FACTS_BYTES_AT);
  usesBytes({ hits, lastUsedMs }).copy(head, USES_AT);
  checksumOf({ ...fixed, hits, lastUsedMs, tags: JSON.stringify(fixed.tags) }, body).copy(head, CHECKSUM_AT);
  return Buffer.concat([head, facts, body]);
}

/** The part of the head that `noteUses` writes anew. */
export function usesBytes({ hits, lastUsedMs }: Pick<KeptFacts, "hits" | "lastUsedMs">): Buffer {
  const bytes = Buffer.alloc(PRUNED_AT - USES_AT);
  bytes.writeDoubleLE(hits);
  bytes.writeDoubleLE(lastUsedMs, LAST_USED_AT - USES_AT);
  return bytes;
}

/** The part of the head that says when the answer was pruned; 0 is never. */
export function prunedBytes(prunedAtMs: number): Buffer {
  const bytes = Buffer.alloc(CHECKSUM_AT - PRUNED_AT);
  bytes.writeDoubleLE(prunedAtMs);
  return bytes;
}

/** Bytes up to the body; undefined where this is no answer of ours. */
export function headBytes(value: Uint8Array): number | undefined {
  const bytes = viewOf(value);
  if (bytes.byteLength < HEAD_BYTES || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const facts = bytes.readUInt32LE(FACTS_BYTES_AT);
  return facts <= MAX_FACTS_BYTES ? HEAD_BYTES + facts : undefined;
}

/** The facts in the beginning of a value; undefined where it is no answer of ours or cut before its body. */
export function decodeFacts(value: Uint8Array): KeptFacts | undefined {
  const end = headBytes(value);
  if (end === undefined || value.byteLength < end) return undefined;
  const bytes = viewOf(value);
  const fixed = fixedFacts.safeParse(parsedJson(bytes.toString("utf8", HEAD_BYTES, end)));
  if (!fixed.success) return undefined;
  const prunedAtMs = bytes.readDoubleLE(PRUNED_AT);
  return {
    ...fixed.data,
    hits: bytes.readDoubleLE(USES_AT),
    lastUsedMs: bytes.readDoubleLE(LAST_USED_AT),
    ...(prunedAtMs > 0 && { prunedAtMs }),
  };
}

/** Undefined where the value is no answer of ours, or its checksum does not fit. */
export function decodeValue(value: Uint8Array): KeptRow | undefined {
  const facts = decodeFacts(value);
  const end = headBytes(value);
  if (facts === undefined || end === undefined) return undefined;
  const body = new Uint8Array(value.buffer, value.byteOffset + end, value.byteLength - end);
  const plain: PlainFacts = { ...facts, tags: JSON.stringify(facts.tags) };
  const expected = viewOf(value).subarray(CHECKSUM_AT, HEAD_BYTES);
  return checksumOf(plain, body).equals(expected) ? { ...facts, body } : undefined;
}

function viewOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
