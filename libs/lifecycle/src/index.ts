// How a service starts, reads its settings, logs and ends.
export { createLogger, type Logger } from "./logger.ts";
export { type Reloading, type ReloadingOptions, reloading } from "./reloading.ts";
export { type RunOptions, runService, type Service } from "./run-service.ts";
export { parsed, parseJson, settingProblem, splitList } from "./setting-text.ts";
export {
  ConfigError,
  readSettings,
  redacted,
  type Setting,
  type SettingFields,
  type SettingValues,
  setting,
  settingsHelp,
} from "./settings.ts";
