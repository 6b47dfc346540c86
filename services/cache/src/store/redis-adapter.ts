// keyv storage adapter on Redis or Valkey: one string per answer, which the server itself forgets when the answer is over. The
// published adapter for this major version of keyv is not released, and it keeps no facts beside the value.
import { type Clock, UnavailableError } from "@chimera/kernel";
import { ErrorReply } from "@redis/client";
import { type KeyvStorageGetResult, keyvStorageCapability } from "keyv";
import type { EntryFacts } from "../index/entry.ts";
import { type RowLedger, rowInEnvelope } from "./keyv-store.ts";
import { RedisLink, type RedisLinkOptions } from "./redis-link.ts";
import {
  decodeFacts,
  decodeValue,
  encodeValue,
  FIRST_READ_BYTES,
  headBytes,
  LAYOUT,
  MAGIC,
  PRUNED_AT,
  prunedBytes,
  USES_AT,
  usesBytes,
} from "./redis-value.ts";
import type { KeptFacts } from "./store.ts";
import { withinBudget } from "./within-budget.ts";

/** For writes, deletes and what is read in the background: no caller waits for its answer meanwhile. */
const BACKGROUND_MS = 2000;
/** Bytes of writes on their way; a further write is refused. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Deletes that the server has not confirmed and that are sent again when it is back. */
const MAX_OWED_DELETES = 65_536;
/** Keys per command where many are meant. */
const KEYS_PER_CALL = 500;

/** Changes bytes in the heads of answers that are there; SETRANGE alone would make those that are not. */
const OVERWRITE = `
for i, key in ipairs(KEYS) do
  if redis.call("GETRANGE", key, 0, ${MAGIC.length - 1}) == "${MAGIC}" then redis.call("SETRANGE", key, ARGV[1], ARGV[i + 1]) end
end`;

export interface RedisAdapterOptions extends RedisLinkOptions {
  namespace: string;
  readBudgetMs: number;
  /** What `keys` gives at most. */
  maxKeys: number;
  clock: Clock;
}

/** The part of keyv's contract that a byte store calls. */
export class RedisAdapter implements RowLedger {
  namespace: string | undefined;
  readonly #prefix: string;
  readonly #link: RedisLink;
  readonly #options: RedisAdapterOptions;
  /** At most MAX_OWED_DELETES. What stands here is not read: it may be what should be gone. */
  readonly #owed = new Set<string>();
  #waitingBytes = 0;

  private constructor(link: RedisLink, options: RedisAdapterOptions) {
    this.#link = link;
    this.#options = options;
    this.namespace = options.namespace;
    this.#prefix = `${options.namespace}:${LAYOUT}:`;
    link.onConnect(() => this.#payOwed());
  }

  /** Never fails: a server that is away is connected to when it comes. */
  static async open(options: RedisAdapterOptions): Promise<RedisAdapter> {
    return new RedisAdapter(await RedisLink.open(options), options);
  }

  get capabilities(): ReturnType<typeof keyvStorageCapability> {
    return keyvStorageCapability(this);
  }

  async get<Value>(key: string): Promise<KeyvStorageGetResult<Value>> {
    if (this.#owed.has(key)) return undefined;
    const call = this.#link.client.get(this.#nameOf(key));
    const value = await withinBudget(call, this.#options.readBudgetMs, "a read of Redis");
    if (value === null) return undefined;
    const row = decodeValue(value as Buffer);
    if (row?.key === key) return { value: row as Value };
    this.delete(key).catch(() => {});
    throw new Error("a stored answer did not fit its checksum and was deleted");
  }

  /** True when the server has it. */
  async set(key: string, value: unknown): Promise<boolean> {
    const row = rowInEnvelope(value);
    const lifeMs = Math.floor(row.staleUntilMs - this.#options.clock.nowMs());
    if (lifeMs <= 0) return this.delete(key);
    const bytes = encodeValue(row);
    if (this.#waitingBytes + bytes.byteLength > MAX_WAITING_BYTES) return false;
    this.#waitingBytes += bytes.byteLength;
    const call = this.#link.client.set(this.#nameOf(key), bytes, { expiration: { type: "PX", value: lifeMs } });
    const settled = () => {
      this.#waitingBytes -= bytes.byteLength;
    };
    call.then(settled, settled);
    await withinBudget(call, BACKGROUND_MS, "a write to Redis");
    this.#owed.delete(key);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    if (this.#owed.size >= MAX_OWED_DELETES)
      throw new UnavailableError("too many deletes wait for Redis, one was dropped");
    this.#owed.add(key);
    await withinBudget(this.#unlink([key]), BACKGROUND_MS, "a delete in Redis");
    return true;
  }

  async *keys(): AsyncGenerator<KeptFacts> {
    const { maxKeys } = this.#options;
    const found = new Map<string, KeptFacts>();
    let cursor = "0";
    do {
      const page = await this.#scan(cursor);
      cursor = page.cursor;
      for (const facts of await Promise.all(page.names.map((name) => this.#factsOf(name)))) {
        if (facts !== undefined && found.size < maxKeys) found.set(facts.key, facts);
      }
    } while (cursor !== "0" && found.size < maxKeys);
    yield* [...found.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  }

  mark(keys: readonly string[], prunedAtMs: number | undefined): Promise<void> {
    const bytes = prunedBytes(prunedAtMs ?? 0);
    return this.#overwrite(
      PRUNED_AT,
      keys.map((key) => ({ key, bytes })),
    );
  }

  noteUses(facts: readonly EntryFacts[]): Promise<void> {
    return this.#overwrite(
      USES_AT,
      facts.map((each) => ({ key: each.key, bytes: usesBytes(each) })),
    );
  }

  /** A write counts only when the server has confirmed it, so none is lost later. */
  onLost(): void {}

  onBack(listener: () => void): void {
    this.#link.onBack(listener);
  }

  async disconnect(): Promise<void> {
    this.#link.close();
  }

  #nameOf(key: string): string {
    return `${this.#prefix}${key}`;
  }

  async #unlink(keys: readonly string[]): Promise<void> {
    await this.#link.client.unlink(keys.map((key) => this.#nameOf(key)));
    for (const key of keys) this.#owed.delete(key);
  }

  /** All of them go out before any read or write of the new connection. */
  #payOwed(): void {
    const keys = [...this.#owed];
    for (let first = 0; first < keys.length; first += KEYS_PER_CALL) {
      this.#unlink(keys.slice(first, first + KEYS_PER_CALL)).catch(this.#options.onError);
    }
  }

  /** Names of keys, of ours alone. */
  async #scan(from: string): Promise<{ cursor: string; names: readonly Buffer[] }> {
    const call = this.#link.client.scan(from, { MATCH: `${this.#prefix}*`, COUNT: KEYS_PER_CALL });
    const { cursor, keys } = await withinBudget(call, BACKGROUND_MS, "a scan of Redis");
    return { cursor: String(cursor), names: keys as unknown as readonly Buffer[] };
  }

  /** Undefined where the key has gone meanwhile, or is nothing that this version wrote. */
  async #factsOf(name: Buffer): Promise<KeptFacts | undefined> {
    const read = (bytes: number) =>
      withinBudget(this.#link.client.getRange(name, 0, bytes - 1), BACKGROUND_MS, "a read of Redis");
    try {
      const first = (await read(FIRST_READ_BYTES)) as unknown as Buffer;
      const needed = headBytes(first);
      if (needed === undefined) return undefined;
      const head = needed <= FIRST_READ_BYTES ? first : ((await read(needed)) as unknown as Buffer);
      const facts = decodeFacts(head);
      return facts !== undefined && name.equals(Buffer.from(this.#nameOf(facts.key))) ? facts : undefined;
    } catch (error) {
      if (error instanceof ErrorReply) return undefined;
      throw error;
    }
  }

  async #overwrite(offset: number, changes: readonly { key: string; bytes: Buffer }[]): Promise<void> {
    for (let first = 0; first < changes.length; first += KEYS_PER_CALL) {
      const some = changes.slice(first, first + KEYS_PER_CALL);
      const call = this.#link.client.eval(OVERWRITE, {
        keys: some.map(({ key }) => this.#nameOf(key)),
        arguments: [String(offset), ...some.map(({ bytes }) => bytes)] as string[],
      });
      await withinBudget(call, BACKGROUND_MS, "a change in Redis");
    }
  }
}
