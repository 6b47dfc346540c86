// Settings put in force for the whole mesh: written as a new version, and waited for until every service has said what it did.
import { isDeepStrictEqual } from "node:util";
import type { Settings } from "@chimera/contracts/settings";
import { type Clock, DeadlineExceededError, FailedPreconditionError } from "@chimera/kernel";
import { SettingsConflictError, type SettingsStore } from "@chimera/settings";
import type { Note } from "./act.ts";
import type { Roster, Standing } from "./roster.ts";
import { partsWith, replacedBy, type SettingsPatch, servicesOf, stillOurs } from "./settings-patch.ts";

export interface SettingsUndo {
  readonly kind: "settings";
  /** In force before the change. */
  readonly version: number;
  readonly patch: SettingsPatch;
  readonly before: SettingsPatch;
}

export interface SettingsActParts {
  store: Pick<SettingsStore, "get" | "put">;
  roster: Pick<Roster, "standing">;
  clock: Clock;
  sleep(ms: number): Promise<void>;
}

/** The project promises 5 s; a busy machine gets twice that. */
const WAIT_MS = 10_000;
const POLL_MS = 50;
/** Others may be faster this many times. */
const MAX_ATTEMPTS = 5;

export class SettingsAct {
  readonly #parts: SettingsActParts;

  constructor(parts: SettingsActParts) {
    this.#parts = parts;
  }

  async undoOf(patch: SettingsPatch): Promise<SettingsUndo> {
    const settings = await this.#parts.store.get();
    return { kind: "settings", version: settings.version, patch, before: replacedBy(patch, settings) };
  }

  /** Throws FailedPreconditionError where somebody else changed the settings since, or where a service refuses them. */
  async apply({ patch, version: from }: SettingsUndo, note: Note): Promise<number> {
    const version = await this.#write(note, (settings) => {
      const isForeign = settings.version > from && settings.predictionId !== note.predictionId;
      if (!isForeign) return patch;
      throw new FailedPreconditionError(
        `${settings.changedBy} changed the settings meanwhile (version ${settings.version}: ${settings.reason})`,
      );
    });
    const standing = await this.#settled(version, servicesOf(patch));
    const { missing, refused } = standing;
    if (refused.length > 0) throw new FailedPreconditionError(`refused by ${refused.join("; ")}`);
    if (missing.length > 0 || !isHeard(standing, servicesOf(patch))) {
      throw new DeadlineExceededError(
        `version ${version} was not confirmed within ${WAIT_MS} ms by ${missing.join(", ") || "any service"}`,
      );
    }
    return version;
  }

  /** Whoever does not answer is gone, and takes the newest version when it comes back. */
  async undo({ patch, before }: SettingsUndo, note: Note): Promise<number> {
    const version = await this.#write(note, (settings) => stillOurs(before, patch, settings));
    await this.#settled(version, servicesOf(patch));
    return version;
  }

  async #write(note: Note, patchFor: (settings: Settings) => SettingsPatch): Promise<number> {
    const { store } = this.#parts;
    const { by, reason, predictionId } = note;
    for (let attempt = 1; ; attempt += 1) {
      const settings = await store.get();
      const parts = partsWith(patchFor(settings), settings);
      if (parts === undefined) return settings.version;
      try {
        const change = { ...parts, changedBy: by, reason, predictionId };
        return (await store.put(settings.version, change)).version;
      } catch (error) {
        if (!(error instanceof SettingsConflictError) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #settled(version: number, services: readonly string[]): Promise<Standing> {
    const { roster, clock, sleep } = this.#parts;
    const endMs = clock.monotonicMs() + WAIT_MS;
    for (;;) {
      const standing = roster.standing(version);
      const isDone = standing.missing.length === 0 && (standing.refused.length > 0 || isHeard(standing, services));
      if (isDone || clock.monotonicMs() >= endMs) return standing;
      await sleep(POLL_MS);
    }
  }
}

function isHeard({ services }: Standing, wanted: readonly string[]): boolean {
  return wanted.every((service) => services.has(service));
}

export function isSettingsUndo(undo: unknown): undo is SettingsUndo {
  return (
    typeof undo === "object" &&
    undo !== null &&
    isDeepStrictEqual(Object.keys(undo).sort(), ["before", "kind", "patch", "version"])
  );
}
