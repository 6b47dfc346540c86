// The changes that can be made from here: settings for all services, and a warm-up of the cache.
import type { WarmUp } from "@chimera/contracts/cache";
import { FailedPreconditionError } from "@chimera/kernel";
import type { Json } from "../ledger/record.ts";
import type { Change } from "../remedy/remedy.ts";
import type { Act, Applying, Note } from "./act.ts";
import type { CachePort } from "./cache-port.ts";
import { isSettingsUndo, type SettingsAct } from "./settings-act.ts";
import { patchOf } from "./settings-patch.ts";

const NOTHING_TO_UNDO = { kind: "nothing" } as const;

export class MeshAct implements Act {
  readonly #settings: SettingsAct;
  readonly #cache: CachePort;

  constructor(settings: SettingsAct, cache: CachePort) {
    this.#settings = settings;
    this.#cache = cache;
  }

  refusal({ kind }: Change): string | undefined {
    if (kind === "replicas")
      return "Replicas are started by whoever runs the mesh, for example `chimera up --inference 2`.";
    if (kind === "prune")
      return "A prune can not be switched on and off to be proved. Do it by hand: `chimera cache prune`.";
    return undefined;
  }

  async undoOf(change: Change): Promise<Json> {
    if (change.kind !== "settings") return NOTHING_TO_UNDO;
    // Its values are JSON already.
    return (await this.#settings.undoOf(patchOf(change.settings))) as unknown as Json;
  }

  async apply({ change, undo, note, isForGood, measureForMs, signal }: Applying): Promise<number> {
    const refusal = this.refusal(change);
    if (refusal !== undefined) throw new FailedPreconditionError(refusal);
    if (isSettingsUndo(undo)) return this.#settings.apply(undo, note);
    if (change.kind === "warm" && !isForGood) {
      const { windowMs, maxAnswers, tokenBudget, controlShare } = change;
      await this.#cache.warm({ windowMs, maxAnswers, tokenBudget, controlShare, measureForMs }, signal);
    }
    return 0;
  }

  async undo(undo: Json, note: Note): Promise<number> {
    return isSettingsUndo(undo) ? this.#settings.undo(undo, note) : 0;
  }

  warmUps(): Promise<readonly WarmUp[]> {
    return this.#cache.warmUps();
  }
}
