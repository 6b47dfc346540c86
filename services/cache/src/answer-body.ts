// What the bytes and the timings of an answer tell about it.
import { crc32 } from "node:zlib";
import type { StoredAnswer } from "@chimera/contracts/cache";
import type { Entry } from "./index/entry.ts";

/**
 * From the request's arrival to the end of its answer: to the first delta as the router measured it, from there as the engine did.
 * Too short where the answer waited for its reader.
 */
export function estimatedAgeMs({ ttftMs, complete }: StoredAnswer): number {
  const { totalMs = 0, firstTokenMs = 0 } = complete?.timings ?? {};
  return ttftMs + Math.max(0, totalMs - firstTokenMs);
}

/**
 * Nothing decodes a body on its way out, so a cut, changed or foreign one must show here. An entry of an earlier process has no
 * checksum until its first read: there the store itself vouches for what it gives (see ByteStore.keys).
 */
export function isBodyOf(entry: Entry, body: Uint8Array): boolean {
  const found = crc32(body);
  entry.bodyCrc32 ??= found;
  return entry.bodyCrc32 === found;
}
