// The life of a service process: read settings, start, wait for a signal, drain in order, end with a code that says how it went.
import { stopTelemetry } from "@chimera/telemetry";
import { createLogger, type Logger } from "./logger.ts";
import {
  ConfigError,
  readSettings,
  redacted,
  type SettingFields,
  type SettingValues,
  settingsHelp,
} from "./settings.ts";

export interface Service {
  /** host:port it listens on. */
  readonly address: string;
  /** Stops taking work and finishes what is in flight. */
  drain(): Promise<void>;
  /** Frees what is left. Called once, after drain. */
  dispose(): Promise<void>;
}

export interface RunOptions<F extends SettingFields> {
  name: string;
  fields: F;
  create(config: SettingValues<F>, logger: Logger): Promise<Service>;
}

/** Exit codes: 0 after a clean drain, 1 where start or drain failed, 2 where a setting is wrong. */
export async function runService<F extends SettingFields>(options: RunOptions<F>): Promise<void> {
  const { name, fields } = options;
  if (process.argv.includes("--help") || process.argv.includes("-h")) {
    process.stdout.write(`${settingsHelp(name, fields)}\n`);
    return;
  }
  const logger = createLogger(name, process.env.CHIMERA_LOG_LEVEL || "info");
  const stopping = nextSignal();
  try {
    const config = readSettings(name, fields, process.env);
    logger.info({ settings: redacted(fields, config) }, "starting");
    const service = await options.create(config, logger);
    logger.info({ address: service.address, node: process.version }, "serving");
    const signal = await stopping;
    logger.info({ signal }, "draining");
    await service.drain();
    await service.dispose();
    await stopTelemetry();
    logger.info("stopped");
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 2;
    } else {
      logger.fatal({ err: error }, "failed");
      process.exitCode = 1;
    }
  }
  endIfHeld(logger);
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

/** A handle that a library left open must not keep a drained process alive; naming it makes the leak findable. */
function endIfHeld(logger: Logger): void {
  setTimeout(() => {
    logger.warn({ handles: process.getActiveResourcesInfo() }, "ending with open handles");
    process.exit();
  }, 3000).unref();
}
