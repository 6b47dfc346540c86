// A proxy that somebody else wrote, in front of the fake engine.
import { setTimeout as wait } from "node:timers/promises";
import { inheritedEnv } from "@chimera/supervisor";
import { type Child, startChild, untilListening } from "./child.ts";
import { processTree } from "./process-tree.ts";

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 25;

export interface ProxyOptions {
  upstreamPort: number;
  /** For its files; exists. */
  folder: string;
  signal: AbortSignal;
  progress(line: string): void;
}

export interface RunningProxy {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** All that work for it. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

interface ProxyProgram {
  name: string;
  version: string;
  command: string;
  args: readonly string[];
  port: number;
  /** How many it works with; the first only watches over the others where there are more. */
  processes: number;
}

/** Resolves when it listens with all of its processes; what was started is stopped where it does not. */
export async function startProxy(program: ProxyProgram, { signal, folder }: ProxyOptions): Promise<RunningProxy> {
  const { name, version, command, args, port } = program;
  const child = await startChild({ name, command, args, cwd: folder, env: inheritedEnv() });
  try {
    await untilListening(child, port, { timeoutMs: START_TIMEOUT_MS, signal });
    const pids = await wholeTree(child, program.processes, signal);
    return { name, version, port, pids, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** A port may be open before those who will serve it have begun. */
async function wholeTree(child: Child, processes: number, signal: AbortSignal): Promise<number[]> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  for (;;) {
    const pids = processTree(child.pid);
    if (pids.length >= processes) return pids;
    await wait(POLL_MS, undefined, { signal: late });
  }
}
