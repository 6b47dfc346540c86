// Where answers are kept as bytes. A byte store keeps what it is told and chooses nothing: the index decides.
import type { EntryFacts } from "../index/entry.ts";

/** Keeps our keys apart from others where a store is shared. */
export const NAMESPACE = "chimera-cache";

/** One answer with its facts, as it is written. */
export interface StoredRow extends EntryFacts {
  body: Uint8Array;
}

/** Facts as they are found again. */
export interface KeptFacts extends EntryFacts {
  /** Set on what was marked as pruned and may still be put back. */
  prunedAtMs?: number;
}

export interface KeptRow extends KeptFacts {
  body: Uint8Array;
}

export interface ByteStore {
  readonly kind: "memory" | "sqlite" | "redis";
  /** Other caches write and delete in it as well: what is found may be newer than the index, and what is gone is no failure. */
  readonly isShared: boolean;
  /** The row, or undefined where there is none. Throws UnavailableError where it could not be read or is damaged. */
  find(key: string): Promise<KeptRow | undefined>;
  /** Its body alone. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keeps the row, in place of an older one and of its mark. Throws UnavailableError where the store did not take it. */
  set(row: StoredRow): Promise<void>;
  /** Throws UnavailableError where the store did not take it; the row may then come back at the next start. */
  delete(key: string): Promise<void>;
  /**
   * What an earlier process left behind, least recently used first; of a shared store also what others keep there, at most as
   * many as the index has room for. A store that has any keeps a checksum over key, facts and body with it, and `find` throws
   * where it does not fit: until their first read nobody else can tell. Throws where the store is away.
   */
  keys(): AsyncIterable<KeptFacts>;
  /** Marks rows that exist, so that an undo finds them also after a restart. They stay readable. */
  markPruned(keys: readonly string[], prunedAtMs: number): Promise<void>;
  unmark(keys: readonly string[]): Promise<void>;
  /** Keeps hits and times of use of rows that exist. Nothing is lost but statistics where it throws. */
  noteUses(facts: readonly EntryFacts[]): Promise<void>;
  /** Called with keys that were taken by `set` and could not be kept after all. */
  onLost(listener: (keys: readonly string[]) => void): void;
  /** Called each time a store that was away answers again; not where it was there from the start. */
  onBack(listener: () => void): void;
  /** Writes what is still queued, then frees everything. */
  close(): Promise<void>;
}
