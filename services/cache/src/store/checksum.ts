// What a store keeps with an answer to tell later that it is still the same one.
import { createHash } from "node:crypto";
import type { EntryFacts } from "../index/entry.ts";

export const CHECKSUM_BYTES = 16;

/** Facts as stores have them: tags are a JSON list there. */
export type PlainFacts = Omit<EntryFacts, "tags"> & { tags: string };

/** Over everything that must not change after the write; hits and time of use do. */
export function checksumOf(facts: PlainFacts, body: Uint8Array): Buffer {
  const { key, tenant, model, bytes, ttftMs, promptTokens, tokens, tags, origin } = facts;
  const { storedAtMs, freshUntilMs, staleUntilMs } = facts;
  const fixed = [key, tenant, model, bytes, ttftMs, promptTokens, tokens, tags, origin];
  return createHash("sha256")
    .update(JSON.stringify([...fixed, storedAtMs, freshUntilMs, staleUntilMs]))
    .update(body)
    .digest()
    .subarray(0, CHECKSUM_BYTES);
}
