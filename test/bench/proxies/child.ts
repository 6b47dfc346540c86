// A process of a benchmark that is no part of a mesh: started in a group of its own, heard, and stopped by its id.
import { type ChildProcess, spawn } from "node:child_process";
import { createConnection } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { ExitInfo } from "@chimera/supervisor";

/** Kept of what it wrote, for the message that says why it died. */
const MAX_OUTPUT_CHARACTERS = 8192;
const STOP_GRACE_MS = 3000;
const POLL_MS = 25;

export interface ChildOptions {
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** Opens a channel for messages. */
  channel?: boolean;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exited: Promise<ExitInfo>;
  readonly isOver: boolean;
  /** The end of what it wrote. */
  output(): string;
  /** Asked first, made to after 3 s, with every process it started. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Throws where the program can not be started at all. */
export async function startChild({ name, command, args, cwd, env, channel }: ChildOptions): Promise<Child> {
  const child = spawn(command, args, {
    cwd,
    env,
    // Ctrl-C in a terminal reaches the benchmark alone, which then stops what it started.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...(channel ? (["ipc"] as const) : [])],
    serialization: "advanced",
  });
  let output = "";
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-MAX_OUTPUT_CHARACTERS);
  };
  child.stdout?.setEncoding("utf8").on("data", keep);
  child.stderr?.setEncoding("utf8").on("data", keep);
  let exit: ExitInfo | undefined;
  const exited = new Promise<ExitInfo>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", (cause) => reject(new Error(`${name} could not be started: ${cause.message}`, { cause })));
    child.once("spawn", resolve);
  });
  child.on("error", () => undefined); // A signal to a process that just ended; `exited` tells the rest.
  const pid = child.pid ?? -1;
  return {
    name,
    pid,
    process: child,
    exited,
    get isOver() {
      return exit !== undefined;
    },
    output: () => output.trim(),
    async stop() {
      if (exit === undefined) child.kill("SIGTERM");
      const force = setTimeout(() => killGroup(pid), STOP_GRACE_MS);
      await exited;
      clearTimeout(force);
      // What it left behind would hold the ports of the next run.
      killGroup(pid);
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All gone.
  }
}

/** Waits until something answers on a port of this machine. Throws, with what the process wrote, where it ends or takes too long. */
export async function untilListening(child: Child, port: number, options: { timeoutMs: number; signal: AbortSignal }) {
  const late = AbortSignal.timeout(options.timeoutMs);
  while (!(await isListening(port))) {
    options.signal.throwIfAborted();
    const why = child.isOver ? "ended" : late.aborted ? `was not there after ${options.timeoutMs / 1000} s` : undefined;
    if (why !== undefined) throw new Error(`${child.name} ${why}. It wrote:\n${child.output() || "nothing"}`);
    await wait(POLL_MS);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
