// What the command line takes from its surroundings: environment, folders, terminal, clock. The one place here that reads them.
import { homedir } from "node:os";
import { type Clock, systemClock } from "@chimera/kernel";
import { type EnvironmentLike, inheritedEnv, type MeshPaths, meshPaths } from "@chimera/supervisor";
import { type Terminal, terminalOf } from "./terminal/terminal.ts";

export interface Surroundings {
  terminal: Terminal;
  env: EnvironmentLike;
  /** Files of the mesh: `.chimera` in the clone, or the folder that CHIMERA_HOME names. */
  paths: MeshPaths;
  /** Where relative paths of the command line start. */
  cwd: string;
  clock: Clock;
  /** Aborted by Ctrl-C or SIGTERM. */
  stopped: AbortSignal;
}

export function readSurroundings(stopped: AbortSignal): Surroundings {
  const env = inheritedEnv();
  const home = env.CHIMERA_HOME?.replace(/^~(?=\/|$)/, homedir());
  return {
    terminal: terminalOf(process.stdout, process.stderr),
    env,
    paths: home ? meshPaths(home) : meshPaths(),
    cwd: process.cwd(),
    clock: systemClock,
    stopped,
  };
}
