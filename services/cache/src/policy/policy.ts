// Decides which answer leaves when room is needed. The index tells it what happens; it keeps the order.
import type { Entry } from "../index/entry.ts";

export interface Policy {
  /** Short name for logs, for example "lru". */
  readonly name: string;
  /** A new entry is resident. */
  added(entry: Entry): void;
  /** A resident entry was served. */
  used(entry: Entry): void;
  /** A resident entry left for another reason than eviction: replaced, expired or lost. */
  removed(entry: Entry): void;
  /** Chooses a resident entry, forgets it and returns it; undefined where none is resident. */
  evict(): Entry | undefined;
}
