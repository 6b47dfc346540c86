// Entry point of the `chimera` command line.
import { fileURLToPath } from "node:url";
import { systemClock } from "@chimera/kernel";
import { killRecorded } from "@chimera/supervisor";
import { readSurroundings } from "./config.ts";
import { EXIT_CODES } from "./exit-code.ts";
import { watchInterrupts } from "./interrupt.ts";
import { runCommandLine } from "./program.ts";

const { stopped } = watchInterrupts(systemClock.monotonicMs, () => {
  killRecorded(surroundings.paths, process.pid);
  process.exit(EXIT_CODES.interrupted);
});
const surroundings = readSurroundings(stopped);
process.exitCode = await runCommandLine(process.argv.slice(2), surroundings, fileURLToPath(import.meta.url));
