// The versions of the mesh's settings: written by compare and set, so that no change is lost to another one.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CacheSettingsSchema,
  type InferenceSettingsSchema,
  type RouterSettingsSchema,
  type Settings,
  SettingsSchema,
} from "@chimera/contracts/settings";
import type { Bucket, EventBus } from "@chimera/events";
import { ChimeraError, type Clock, InvalidRequestError, NotFoundError } from "@chimera/kernel";
import { decodeSettings, MAX_SETTINGS_BYTES, SETTINGS_KEY, settingsBucket } from "./settings-bucket.ts";
import { settingsViolations } from "./validate.ts";

export interface ChangeNote {
  changedBy: string;
  reason: string;
  predictionId?: string;
}

/** A part that is given takes the place of that part; one that is left out stays as it is. */
export interface SettingsChange extends ChangeNote {
  router?: MessageInitShape<typeof RouterSettingsSchema>;
  cache?: MessageInitShape<typeof CacheSettingsSchema>;
  inference?: MessageInitShape<typeof InferenceSettingsSchema>;
}

/** Somebody else changed the settings meanwhile: look at the current version, and decide again. */
export class SettingsConflictError extends ChimeraError {
  override readonly name = "SettingsConflictError";
  readonly expectedVersion: number;
  readonly currentVersion: number;
  constructor(expectedVersion: number, currentVersion: number) {
    super("failed-precondition", `version ${expectedVersion} was expected, version ${currentVersion} is in force`);
    this.expectedVersion = expectedVersion;
    this.currentVersion = currentVersion;
  }
}

/** Every call throws UnavailableError without NATS. */
export class SettingsStore {
  readonly #bucket: Bucket;
  readonly #clock: Clock;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /** Version 0, with nothing set, where there never was one. */
  async get(): Promise<Settings> {
    return (await this.#current()).settings;
  }

  /** The last 64 versions, oldest first. */
  async history(): Promise<Settings[]> {
    return (await this.#bucket.history(SETTINGS_KEY)).map(({ value }) => decodeSettings(value));
  }

  /** Returns the new version. Throws InvalidRequestError, which names the fields, or SettingsConflictError. */
  async put(expectedVersion: number, change: SettingsChange): Promise<Settings> {
    const { settings: current, revision } = await this.#current();
    if (current.version !== expectedVersion) throw new SettingsConflictError(expectedVersion, current.version);
    const { changedBy, reason, predictionId = "" } = change;
    const next = create(SettingsSchema, {
      ...partsOf({ ...partsOf(current), ...partsOf(change) }),
      version: current.version + 1,
      changedAt: timestampFromMs(this.#clock.nowMs()),
      ...{ changedBy, reason, predictionId },
    });
    const violations = settingsViolations(next);
    if (violations.length > 0) throw new InvalidRequestError(violations);
    const written = await this.#bucket.put(SETTINGS_KEY, encoded(next), revision);
    if (written !== undefined) return next;
    throw new SettingsConflictError(expectedVersion, (await this.get()).version);
  }

  /**
   * A new version with all of an old one's content; 0 is the environment alone. Throws NotFoundError where that version is not kept
   * any more, and as put(): SettingsConflictError where `expectedVersion`, if it is given, or the version that was found is not in
   * force.
   */
  async rollbackTo(version: number, { expectedVersion, ...note }: ChangeNote & { expectedVersion?: number }) {
    const content = version === 0 ? create(SettingsSchema) : await this.#version(version);
    const { router = {}, cache = {}, inference = {} } = content;
    return this.put(expectedVersion ?? (await this.get()).version, { router, cache, inference, ...note });
  }

  async #version(version: number): Promise<Settings> {
    const kept = await this.history();
    const found = kept.find((each) => each.version === version);
    if (found) return found;
    const [first] = kept;
    const range = first ? `${first.version} to ${kept.at(-1)?.version} are kept` : "there is none yet";
    throw new NotFoundError(`there is no version ${version} of the settings: ${range}`, "version");
  }

  async #current(): Promise<{ settings: Settings; revision: number }> {
    const entry = await this.#bucket.get(SETTINGS_KEY);
    if (entry === undefined) return { settings: create(SettingsSchema), revision: 0 };
    return { settings: decodeSettings(entry.value), revision: entry.revision };
  }
}

export function openSettings(bus: Pick<EventBus, "bucket">, clock: Clock): SettingsStore {
  return new SettingsStore(settingsBucket(bus), clock);
}

type Parts = Pick<SettingsChange, "router" | "cache" | "inference">;

/** Only those that are there. */
function partsOf({ router, cache, inference }: Parts): Parts {
  return { ...(router && { router }), ...(cache && { cache }), ...(inference && { inference }) };
}

function encoded(settings: Settings): Uint8Array {
  const bytes = toBinary(SettingsSchema, settings);
  if (bytes.length <= MAX_SETTINGS_BYTES) return bytes;
  const description = `the settings have ${bytes.length} bytes, at most ${MAX_SETTINGS_BYTES} are kept`;
  throw new InvalidRequestError([{ field: "settings", description }]);
}
