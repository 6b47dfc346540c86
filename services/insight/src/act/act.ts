// Puts changes in force and takes them back. Each can be asked for twice: whoever goes on after a crash does not know how far the
// one before came.
import type { WarmUp } from "@chimera/contracts/cache";
import type { Json } from "../ledger/record.ts";
import type { Change } from "../remedy/remedy.ts";

export interface Note {
  readonly predictionId: string;
  /** Who decided. */
  readonly by: string;
  readonly reason: string;
}

export interface Act {
  /** Why this kind of change can not be made from here; undefined where it can. */
  refusal(change: Change): string | undefined;
  /** All that taking it back will need, read before it begins. */
  undoOf(change: Change): Promise<Json>;
  /** Resolves with the version of the settings once every service has it, 0 where it is no change of settings. */
  apply(order: Applying): Promise<number>;
  /** Back to what was before; 0 where there is nothing to take back. */
  undo(undo: Json, note: Note): Promise<number>;
  /** The last ones of the cache, with what they gained so far. */
  warmUps(): Promise<readonly WarmUp[]>;
}

export interface Applying {
  readonly change: Change;
  readonly undo: Json;
  readonly note: Note;
  /** It was in force before, and is to stay: what needs to be done only once is not done again. */
  readonly isForGood: boolean;
  /** How long it will be measured. */
  readonly measureForMs: number;
  readonly signal: AbortSignal;
}
