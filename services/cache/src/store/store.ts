// Where answers are kept as bytes. A byte store keeps what it is told and chooses nothing: the index decides.
import type { EntryFacts } from "../index/entry.ts";

/** Keeps our keys apart from others where a store is shared. */
export const NAMESPACE = "chimera-cache";

/** One answer with its facts, as it is written. */
export interface StoredRow extends EntryFacts {
  body: Uint8Array;
}

export interface ByteStore {
  readonly kind: "memory" | "sqlite";
  /** The body, or undefined where there is none. Throws UnavailableError where it could not be read or is damaged. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keeps the row, in place of an older one. Throws UnavailableError where the store did not take it. */
  set(row: StoredRow): Promise<void>;
  /** Throws UnavailableError where the store did not take it; the row may then come back at the next start. */
  delete(key: string): Promise<void>;
  /**
   * What an earlier process left behind, least recently used first. A store that has any keeps a checksum over key, facts and
   * body with it, and `get` throws where it does not fit: until their first read nobody else can tell.
   */
  keys(): AsyncIterable<EntryFacts>;
  /** Keeps hits and times of use of rows that exist. Nothing is lost but statistics where it throws. */
  noteUses(facts: readonly EntryFacts[]): Promise<void>;
  /** Called with keys that were taken by `set` and could not be kept after all. */
  onLost(listener: (keys: readonly string[]) => void): void;
  /** Writes what is still queued, then frees everything. */
  close(): Promise<void>;
}
