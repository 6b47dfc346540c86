// Where the versions are kept: one key, whose past is the history.
import { fromBinary } from "@bufbuild/protobuf";
import { type Settings, SettingsSchema } from "@chimera/contracts/settings";
import type { Bucket, EventBus } from "@chimera/events";
import { InternalError } from "@chimera/kernel";

export const SETTINGS_KEY = "mesh";
/** Versions that can be looked at and gone back to. */
export const KEPT_VERSIONS = 64;
/** Eight arms and the default with a grammar each. */
export const MAX_SETTINGS_BYTES = 256 * 1024;

export function settingsBucket(bus: Pick<EventBus, "bucket">): Bucket {
  return bus.bucket({ name: "CHIMERA_SETTINGS", history: KEPT_VERSIONS, maxValueBytes: MAX_SETTINGS_BYTES });
}

/** Throws InternalError where the bytes are no settings. */
export function decodeSettings(value: Uint8Array): Settings {
  try {
    return fromBinary(SettingsSchema, value);
  } catch (error) {
    throw new InternalError("what is stored as the mesh's settings is none", { cause: error });
  }
}
