// Versioned settings that services follow while they run.
export { type FollowedSettings, type FollowOptions, followSettings } from "./follow-settings.ts";
export { CACHE_POLICIES, type Range, ROUTER_POLICIES, ranges } from "./ranges.ts";
export { samplingViolations } from "./sampling-violations.ts";
export {
  type ChangeNote,
  openSettings,
  type SettingsChange,
  SettingsConflictError,
  SettingsStore,
} from "./settings-store.ts";
export { settingsViolations } from "./validate.ts";
