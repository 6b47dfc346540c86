// From a request to the key of its answer. Two requests share a key only if they are the same tenant's and mean the same.
import { hash } from "node:crypto";
import type { DescField } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type CacheKeyInput, CacheKeyInputSchema } from "@chimera/contracts/cache";
import { MessageSchema } from "@chimera/contracts/common";
import { canonicalJson } from "./canonical.ts";

/** Part of what is hashed: a change of the canonical form must change it, so that old entries are never taken for new ones. */
const KEY_VERSION = "chimera-key-1";

/** Text the model reads: the same characters in another Unicode composition are the same question. */
const NORMALISED: ReadonlySet<DescField> = new Set([MessageSchema.field.content, CacheKeyInputSchema.field.prompt]);

const PREFIX_DIGITS = 16;

export interface CacheKey {
  tenant: string;
  /** SHA-256 of the canonical request, 64 hex digits. The tenant is hashed in as well. */
  hash: string;
  /** First 16 hex digits of the hash: finds an entry in logs and says nothing about the prompt. */
  prefix: string;
  /** "tenant:hash". A tenant name holds no colon, so all keys of one tenant are exactly those with its prefix. */
  storeKey: string;
}

/** Expects a checked input (see check-input.ts). */
export function cacheKey(input: CacheKeyInput): CacheKey {
  const digest = hash("sha256", canonicalRequest(input), "hex");
  return {
    tenant: input.tenant,
    hash: digest,
    prefix: digest.slice(0, PREFIX_DIGITS),
    storeKey: storeKeyOf(input.tenant, digest),
  };
}

export function storeKeyOf(tenant: string, digest: string): string {
  return `${tenant}:${digest}`;
}

/** The text that is hashed: version, then every set field by number. Stop texts keep their order, whitespace is kept as it is. */
export function canonicalRequest(input: CacheKeyInput): string {
  return `${KEY_VERSION}\n${canonicalJson(reflect(CacheKeyInputSchema, input), NORMALISED)}`;
}
