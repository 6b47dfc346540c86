// The byte store behind keyv, whatever adapter keeps the bytes. keyv brings the contract; this adds what it leaves out:
// which call failed, calls on one key in the order they were made, a bound on every wait, and facts beside the bytes.
import { AsyncLocalStorage } from "node:async_hooks";
import { UnavailableError } from "@chimera/kernel";
import { Keyv, type KeyvOptions } from "keyv";
import type { EntryFacts } from "../index/entry.ts";
import { type ByteStore, type KeptFacts, type KeptRow, NAMESPACE, type StoredRow } from "./store.ts";
import { withinBudget } from "./within-budget.ts";

/** Reads and writes that may wait at once; more fail at once. Deletes are not counted: each follows a write. */
const MAX_CALLS = 4096;

/** What an adapter offers beyond keyv's contract; the memory adapter has nothing of it. */
export interface RowLedger {
  keys(): AsyncIterable<KeptFacts>;
  /** `prunedAtMs` undefined takes the mark away. */
  mark(keys: readonly string[], prunedAtMs: number | undefined): Promise<void>;
  noteUses(facts: readonly EntryFacts[]): Promise<void>;
  onLost(listener: (keys: readonly string[]) => void): void;
  onBack(listener: () => void): void;
}

export interface KeyvStoreOptions {
  kind: ByteStore["kind"];
  adapter: NonNullable<KeyvOptions["store"]>;
  ledger?: RowLedger;
  isShared?: boolean;
  /** Longest time a read may take, waiting for its turn included; unbounded where unset. */
  readBudgetMs?: number;
  /** Every error an adapter reports, for the log. */
  onError(error: unknown): void;
}

interface Call {
  error: unknown;
}

export class KeyvStore implements ByteStore {
  readonly kind: ByteStore["kind"];
  readonly isShared: boolean;
  readonly #keyv: Keyv<StoredRow>;
  readonly #ledger: RowLedger | undefined;
  readonly #readBudgetMs: number | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #call = new AsyncLocalStorage<Call>();
  /** Last call per key; holds only keys with a call in flight. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #calls = 0;

  constructor(options: KeyvStoreOptions) {
    this.kind = options.kind;
    this.isShared = options.isShared ?? false;
    this.#ledger = options.ledger;
    this.#readBudgetMs = options.readBudgetMs;
    this.#onError = options.onError;
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

  async find(key: string): Promise<KeptRow | undefined> {
    const budgetMs = this.#readBudgetMs;
    if (budgetMs === undefined) return this.#counted(key, () => this.#read(key));
    let isOver = false;
    // Where it comes to its turn too late, nobody waits for it any more.
    const call = this.#counted(key, async () => (isOver ? undefined : this.#read(key)));
    try {
      return await withinBudget(call, budgetMs, "a read of the byte store");
    } catch (error) {
      isOver = true;
      if (error instanceof UnavailableError) throw error;
      this.#onError(error);
      throw new UnavailableError("the byte store failed", { cause: error });
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.find(key))?.body;
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

  keys(): AsyncIterable<KeptFacts> {
    return this.#ledger?.keys() ?? nothing();
  }

  async markPruned(keys: readonly string[], prunedAtMs: number): Promise<void> {
    await this.#ledger?.mark(keys, prunedAtMs);
  }

  async unmark(keys: readonly string[]): Promise<void> {
    await this.#ledger?.mark(keys, undefined);
  }

  async noteUses(facts: readonly EntryFacts[]): Promise<void> {
    await this.#ledger?.noteUses(facts);
  }

  onLost(listener: (keys: readonly string[]) => void): void {
    this.#ledger?.onLost(listener);
  }

  onBack(listener: () => void): void {
    this.#ledger?.onBack(listener);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
    await this.#keyv.disconnect();
  }

  async #read(key: string): Promise<KeptRow | undefined> {
    const found = await this.#keyv.getRaw<KeptRow>(key);
    return typeof found === "object" ? found.value : undefined;
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

/** keyv wraps what it is given in an envelope of value and expiry. For adapters. */
export function rowInEnvelope(value: unknown): StoredRow {
  const row = typeof value === "object" && value !== null && "value" in value ? value.value : undefined;
  if (typeof row !== "object" || row === null || !("body" in row) || !(row.body instanceof Uint8Array)) {
    throw new TypeError("adapters keep answers with their facts, nothing else");
  }
  return row as StoredRow;
}

async function* nothing(): AsyncGenerator<KeptFacts> {}
