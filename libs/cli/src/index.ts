// The `chimera` command line, for programs that drive it.
export { readSurroundings, type Surroundings } from "./config.ts";
export { EXIT_CODES, type ExitCode } from "./exit-code.ts";
export { runCommandLine } from "./program.ts";
export { type PlayOptions, type PlayResult, play } from "./workload/player.ts";
