// What the service and its SQLite thread say to each other.
import type { EntryFacts } from "../index/entry.ts";
import type { Found } from "./sqlite-table.ts";
import type { KeptFacts, StoredRow } from "./store.ts";
import type { Write } from "./write-behind.ts";

/** Passed to the thread when it starts. */
export interface ThreadData {
  path: string;
  namespace: string;
}

/** What the thread does when asked. */
export interface Calls {
  open(): void;
  get(key: string): Found;
  write(batch: readonly Write<StoredRow>[]): void;
  noteUses(uses: readonly EntryFacts[]): void;
  mark(keys: readonly string[], prunedAtMs: number | undefined): void;
  /** The next page of facts; an empty page is the last. */
  nextFacts(): readonly KeptFacts[];
  clear(): void;
  close(): void;
}

export type CallName = keyof Calls;

export interface CallMessage<N extends CallName = CallName> {
  id: number;
  name: N;
  args: Parameters<Calls[N]>;
}

export type AnswerMessage = { id: number; result: unknown } | { id: number; error: string };

/** Said without being asked: what whoever runs this should know. */
export interface NoteMessage {
  note: string;
}
