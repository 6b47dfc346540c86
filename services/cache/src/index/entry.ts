// What the cache knows about one stored answer without reading its bytes.

/** The facts that are kept beside the bytes, also across a restart. */
export interface EntryFacts {
  /** Key in the byte store, "tenant:hash". */
  key: string;
  tenant: string;
  /** What the entry counts against the capacity: key and body. */
  bytes: number;
  /** Time to first token of the generation that made it, in milliseconds: what one hit saves. */
  ttftMs: number;
  /** Completion tokens that one hit saves. */
  tokens: number;
  /** Whole milliseconds since the epoch. */
  storedAtMs: number;
  /** Whole milliseconds since the epoch; storedAtMs until the first hit. */
  lastUsedMs: number;
  hits: number;
}

/** Keys are ASCII (tenant names and hex digits), so their length is their size. */
export function entryBytes(key: string, body: Uint8Array): number {
  return key.length + body.byteLength;
}

/** One answer in the index. The links belong to the eviction policy, which so needs no map of its own. */
export class Entry implements EntryFacts {
  readonly key: string;
  readonly tenant: string;
  readonly bytes: number;
  readonly ttftMs: number;
  readonly tokens: number;
  readonly storedAtMs: number;
  lastUsedMs: number;
  hits: number;
  /** Of the stored bytes; unset until they were written or read by this process. */
  bodyCrc32: number | undefined;
  older: Entry | undefined;
  newer: Entry | undefined;

  constructor(facts: EntryFacts) {
    this.key = facts.key;
    this.tenant = facts.tenant;
    this.bytes = facts.bytes;
    this.ttftMs = facts.ttftMs;
    this.tokens = facts.tokens;
    this.storedAtMs = facts.storedAtMs;
    this.lastUsedMs = facts.lastUsedMs;
    this.hits = facts.hits;
  }

  /** A plain copy that can cross a thread border. */
  facts(): EntryFacts {
    const { key, tenant, bytes, ttftMs, tokens, storedAtMs, lastUsedMs, hits } = this;
    return { key, tenant, bytes, ttftMs, tokens, storedAtMs, lastUsedMs, hits };
  }
}
