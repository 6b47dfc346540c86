// keyv storage adapter on node:sqlite: writes wait in a bounded queue and go to disk in batches, in a thread of its own.
// The published SQLite adapter keeps no facts beside the value, syncs on every write, and blocks the event loop meanwhile.
import { type KeyvStorageAdapter, type KeyvStorageEntry, type KeyvStorageGetResult, keyvStorageCapability } from "keyv";
import { type EntryFacts, entryBytes } from "../index/entry.ts";
import { type RowLedger, rowInEnvelope } from "./keyv-store.ts";
import { SqliteThread } from "./sqlite-thread.ts";
import type { KeptFacts, KeptRow, StoredRow } from "./store.ts";
import { WriteBehind } from "./write-behind.ts";

const MAX_WAITING_WRITES = 4096;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Deletes hold no bytes, so far more of them may wait. */
const MAX_WAITING_KEYS = 65_536;
const MAX_BATCH = 256;

type Methods = "get" | "set" | "delete" | "clear" | "has" | "getMany" | "setMany" | "hasMany" | "deleteMany";

export interface SqliteAdapterOptions {
  path: string;
  namespace: string;
  /** A batch could not be written, or the file was damaged. */
  onError(error: unknown): void;
}

export class SqliteAdapter implements Pick<KeyvStorageAdapter, Methods | "disconnect" | "namespace">, RowLedger {
  /** keyv sets it; the namespace of the table was chosen when it was opened. */
  namespace: string | undefined;
  readonly #thread: SqliteThread;
  readonly #queue: WriteBehind<StoredRow>;
  #lost: (keys: readonly string[]) => void = () => {};

  private constructor(thread: SqliteThread, options: SqliteAdapterOptions) {
    this.#thread = thread;
    this.namespace = options.namespace;
    this.#queue = new WriteBehind<StoredRow>({
      maxValues: MAX_WAITING_WRITES,
      maxBytes: MAX_WAITING_BYTES,
      maxKeys: MAX_WAITING_KEYS,
      maxBatch: MAX_BATCH,
      write: (batch) => thread.call("write", batch),
      onLost: (keys, error) => {
        options.onError(error);
        this.#lost(keys);
      },
    });
  }

  /** Throws FailedPreconditionError where the file can not be used. */
  static async open(options: SqliteAdapterOptions): Promise<SqliteAdapter> {
    const { path, namespace } = options;
    const onNote = (note: string) => options.onError(new Error(note));
    return new SqliteAdapter(await SqliteThread.open({ path, namespace }, onNote), options);
  }

  get capabilities(): ReturnType<typeof keyvStorageCapability> {
    return keyvStorageCapability(this);
  }

  async get<Value>(key: string): Promise<KeyvStorageGetResult<Value>> {
    const row = await this.#read(key);
    return row === undefined ? undefined : { value: row as Value };
  }

  /** True when queued; a write that fails later is reported by `onLost`. */
  async set(key: string, value: unknown): Promise<boolean> {
    const row = rowInEnvelope(value);
    return this.#queue.put(key, row, entryBytes(key, row.body));
  }

  async delete(key: string): Promise<boolean> {
    if (!this.#queue.remove(key)) throw new Error("the write queue is full, a delete was dropped");
    return true;
  }

  async clear(): Promise<void> {
    await this.#queue.flush();
    await this.#thread.call("clear");
  }

  async has(key: string): Promise<boolean> {
    return (await this.#read(key)) !== undefined;
  }

  getMany<Value>(keys: string[]): Promise<Array<KeyvStorageGetResult<Value | undefined>>> {
    return Promise.all(keys.map((key) => this.get<Value | undefined>(key)));
  }

  setMany<Value>(entries: KeyvStorageEntry<Value>[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value }) => this.set(key, value)));
  }

  hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  deleteMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.delete(key)));
  }

  async *keys(): AsyncGenerator<KeptFacts> {
    for (;;) {
      const page = await this.#thread.call("nextFacts");
      if (page.length === 0) return;
      yield* page;
    }
  }

  async mark(keys: readonly string[], prunedAtMs: number | undefined): Promise<void> {
    await this.#queue.flush();
    await this.#thread.call("mark", keys, prunedAtMs);
  }

  async noteUses(facts: readonly EntryFacts[]): Promise<void> {
    await this.#queue.flush();
    await this.#thread.call("noteUses", facts);
  }

  onLost(listener: (keys: readonly string[]) => void): void {
    this.#lost = listener;
  }

  /** A file does not come and go. */
  onBack(): void {}

  async disconnect(): Promise<void> {
    await this.#queue.flush();
    await this.#thread.close();
  }

  async #read(key: string): Promise<KeptRow | undefined> {
    const waiting = this.#queue.peek(key);
    if (waiting !== undefined) return waiting.value;
    const found = await this.#thread.call("get", key);
    if (found.state === "damaged") throw new Error("a stored answer did not fit its checksum and was deleted");
    return found.state === "found" ? found.row : undefined;
  }
}
