// What the cache knows about one stored answer without reading its bytes.
import { NO_SLOT, type Slotted } from "./slots.ts";

/** Why an answer was made: for a caller, or ahead of callers. */
export type Origin = "request" | "warm-up";

/** The facts that are kept beside the bytes, also across a restart. */
export interface EntryFacts {
  /** Key in the byte store, "tenant:hash". */
  key: string;
  tenant: string;
  model: string;
  /** What the entry counts against the capacity: key and body. */
  bytes: number;
  /** Time to first token of the generation that made it, in milliseconds: what one hit saves. */
  ttftMs: number;
  /** Prompt and completion tokens that one hit saves. */
  promptTokens: number;
  tokens: number;
  /** Names it can be invalidated by. */
  tags: readonly string[];
  origin: Origin;
  /** Whole milliseconds since the epoch. */
  storedAtMs: number;
  /** From then on it is served only while a new one is made. Whole milliseconds since the epoch. */
  freshUntilMs: number;
  /** From then on it is not served at all. Not before freshUntilMs. */
  staleUntilMs: number;
  /** Whole milliseconds since the epoch; storedAtMs until the first hit. */
  lastUsedMs: number;
  hits: number;
}

/** Keys are ASCII (tenant names and hex digits), so their length is their size. */
export function entryBytes(key: string, body: Uint8Array): number {
  return key.length + body.byteLength;
}

/** What an eviction policy keeps about one entry; a policy that is only simulated needs nothing else of it. */
export interface PolicyNode {
  readonly key: string;
  readonly bytes: number;
  /** Neighbours in the queue it stands in. */
  older: PolicyNode | undefined;
  newer: PolicyNode | undefined;
  /** Which queue that is, and how often it was used there: each policy's own meaning. */
  queue: number;
  visits: number;
}

/** One answer in the index. The links belong to the eviction policy, which so needs no map of its own. */
export class Entry implements EntryFacts, PolicyNode, Slotted {
  readonly key: string;
  readonly tenant: string;
  readonly model: string;
  readonly bytes: number;
  readonly ttftMs: number;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly tags: readonly string[];
  readonly origin: Origin;
  readonly storedAtMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  lastUsedMs: number;
  hits: number;
  /** Of the stored bytes; unset until they were written or read by this process. */
  bodyCrc32: number | undefined;
  /** In the index: set and unset by it alone. */
  isResident = false;
  /** Somebody was told to make it anew; until then nobody else is. */
  refreshingUntilMs = 0;
  older: PolicyNode | undefined;
  newer: PolicyNode | undefined;
  queue = 0;
  visits = 0;
  /** Which policy knows it, where one takes over from another. */
  policyNumber = 0;
  /** Where it stands among the entries of its tenant. */
  slot = NO_SLOT;

  constructor(facts: EntryFacts) {
    this.key = facts.key;
    this.tenant = facts.tenant;
    this.model = facts.model;
    this.bytes = facts.bytes;
    this.ttftMs = facts.ttftMs;
    this.promptTokens = facts.promptTokens;
    this.tokens = facts.tokens;
    this.tags = facts.tags;
    this.origin = facts.origin;
    this.storedAtMs = facts.storedAtMs;
    this.freshUntilMs = facts.freshUntilMs;
    this.staleUntilMs = facts.staleUntilMs;
    this.lastUsedMs = facts.lastUsedMs;
    this.hits = facts.hits;
  }

  /** A plain copy that can cross a thread border. */
  facts(): EntryFacts {
    const { key, tenant, model, bytes, ttftMs, promptTokens, tokens, tags, origin } = this;
    const { storedAtMs, freshUntilMs, staleUntilMs, lastUsedMs, hits } = this;
    return {
      key,
      tenant,
      model,
      bytes,
      ttftMs,
      promptTokens,
      tokens,
      tags,
      origin,
      storedAtMs,
      freshUntilMs,
      staleUntilMs,
      lastUsedMs,
      hits,
    };
  }
}
