// What the handlers may use.
import type { Clock } from "@chimera/kernel";
import type { Answers } from "./answers.ts";
import type { LeaseTable } from "./flights/lease-table.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import type { Invalidator } from "./invalidate.ts";
import type { Pruner } from "./pruning/pruner.ts";
import type { Signs } from "./saturation/signs.ts";
import type { SemanticMatch } from "./semantic/semantic-match.ts";
import type { Shadows } from "./shadow/shadows.ts";
import type { ByteStore } from "./store/store.ts";
import type { WarmUps } from "./warm-up/warm-ups.ts";
import type { WarmingKeys } from "./warm-up/warming-keys.ts";

export interface Context {
  answers: Answers;
  index: EntryIndex;
  /** Who makes the answers that are not stored yet. */
  leases: LeaseTable;
  storeKind: ByteStore["kind"];
  shadows: Shadows;
  semantic: SemanticMatch | undefined;
  pruner: Pruner;
  invalidator: Invalidator;
  warmUps: WarmUps;
  /** What a warm-up is having made right now. */
  warming: WarmingKeys;
  /** Walks over all entries, in slices. */
  signs(): Promise<Signs>;
  clock: Clock;
  /** Aborted when the cache begins to drain: streams without an end of their own end then. */
  draining(): AbortSignal;
}
