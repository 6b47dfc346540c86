// Decides which answer leaves when room is needed. The index tells it what happens; it keeps the order.
import type { PolicyNode } from "../index/entry.ts";

export interface Policy<N extends PolicyNode = PolicyNode> {
  /** Short name for settings, logs and tables, for example "lru". */
  readonly name: string;
  /** What just came may be the first to leave: it is added before room is made. Only a simulation can do that. */
  readonly admitsFirst?: boolean;
  /** A new entry is resident. */
  added(node: N): void;
  /** A resident entry was served. */
  used(node: N): void;
  /** A resident entry left for another reason than eviction: replaced, expired, invalidated, pruned or lost. */
  removed(node: N): void;
  /** Chooses a resident entry, forgets it and returns it; undefined where none is resident. */
  evict(): N | undefined;
  /** The cache holds more, or less, from now on. */
  resized?(capacityBytes: number): void;
}
