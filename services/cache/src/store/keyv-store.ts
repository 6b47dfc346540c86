// The byte store behind keyv, whatever adapter keeps the bytes. keyv brings the contract; this adds what it leaves out:
// which call failed, calls on one key in the order they were made, and facts beside the bytes.
import { AsyncLocalStorage } from "node:async_hooks";
import { UnavailableError } from "@chimera/kernel";
import { Keyv, type KeyvOptions } from "keyv";
import type { EntryFacts } from "../index/entry.ts";
import { type ByteStore, NAMESPACE, type StoredRow } from "./store.ts";

/** Reads and writes that may wait at once; more fail at once. Deletes are not counted: each follows a write. */
const MAX_CALLS = 4096;

/** What an adapter offers beyond keyv's contract; the memory adapter has nothing of it. */
export interface RowLedger {
  keys(): AsyncIterable<EntryFacts>;
  noteUses(facts: readonly EntryFacts[]): Promise<void>;
  onLost(listener: (keys: readonly string[]) => void): void;
}

export interface KeyvStoreOptions {
  kind: ByteStore["kind"];
  adapter: NonNullable<KeyvOptions["store"]>;
  ledger?: RowLedger;
  /** Every error an adapter reports, for the log. */
  onError(error: unknown): void;
}

interface Call {
  error: unknown;
}

export class KeyvStore implements ByteStore {
  readonly kind: ByteStore["kind"];
  readonly #keyv: Keyv<StoredRow>;
  readonly #ledger: RowLedger | undefined;
  readonly #call = new AsyncLocalStorage<Call>();
  /** Last call per key; holds only keys with a call in flight. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #calls = 0;

  constructor(options: KeyvStoreOptions) {
    this.kind = options.kind;
    this.#ledger = options.ledger;
    // No serialization: the adapters take bytes as they are. No expiry here: the index has one clock and decides alone.
    this.#keyv = new Keyv<StoredRow>({
      store: options.adapter,
      namespace: NAMESPACE,
      serialization: false,
      checkExpired: false,
    });
    // With a listener keyv answers a failed call like an empty one; the async context tells which call it was.
    this.#keyv.on("error", (error: unknown) => {
      const call = this.#call.getStore();
      if (call !== undefined) call.error = error;
      options.onError(error);
    });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#counted(key, async () => {
      const found = await this.#keyv.getRaw<StoredRow>(key);
      return typeof found === "object" ? found.value?.body : undefined;
    });
  }

  set(row: StoredRow): Promise<void> {
    return this.#counted(row.key, async () => {
      const taken = await this.#keyv.setRaw<StoredRow>(row.key, { value: row });
      if (!taken) throw new UnavailableError("the byte store did not take a write");
    });
  }

  async delete(key: string): Promise<void> {
    await this.#inOrder(key, () => this.#keyv.delete(key));
  }

  keys(): AsyncIterable<EntryFacts> {
    return this.#ledger?.keys() ?? nothing();
  }

  async noteUses(facts: readonly EntryFacts[]): Promise<void> {
    await this.#ledger?.noteUses(facts);
  }

  onLost(listener: (keys: readonly string[]) => void): void {
    this.#ledger?.onLost(listener);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
    await this.#keyv.disconnect();
  }

  async #counted<T>(key: string, run: () => Promise<T>): Promise<T> {
    if (this.#calls >= MAX_CALLS) throw new UnavailableError(`the byte store is busy with ${MAX_CALLS} calls`);
    this.#calls += 1;
    try {
      return await this.#inOrder(key, run);
    } finally {
      this.#calls -= 1;
    }
  }

  /** keyv awaits hooks before it calls the adapter, so a delete could overtake the write before it. */
  #inOrder<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? this.#watched(run) : before.then(() => this.#watched(run));
    const settled = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail: Promise<void> = result.then(settled, settled);
    this.#tails.set(key, tail);
    return result;
  }

  async #watched<T>(run: () => Promise<T>): Promise<T> {
    const call: Call = { error: undefined };
    const result = await this.#call.run(call, run);
    if (call.error !== undefined) throw new UnavailableError("the byte store failed", { cause: call.error });
    return result;
  }
}

async function* nothing(): AsyncGenerator<EntryFacts> {}
