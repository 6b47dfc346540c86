// One child process: its log file, how it ended, and how it is asked and then made to end.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { tail } from "./log-tail.ts";

export interface ExitInfo {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  name: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Output is appended to this file. */
  log: string;
  /** Opens a channel whose end tells a Node child that its parent is gone. */
  channel?: boolean;
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  readonly exited: Promise<ExitInfo>;
  /** Set once it ended. */
  readonly exit: ExitInfo | undefined;
  kill(signal: NodeJS.Signals): void;
}

/** A process that ended, or never answered, when it should have served. The message holds the end of its log. */
export class ProcessFailedError extends Error {
  override readonly name = "ProcessFailedError";
  constructor(process: string, what: string, log: string) {
    const end = tail(log);
    super(`${process} ${what}.\n${end === "" ? "It wrote nothing." : `Its last words (${log}):\n${indent(end)}`}`);
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

export function describeExit({ code, signal }: ExitInfo): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/**
 * Starts a process in a group of its own: Ctrl-C in a terminal reaches the supervisor alone, which then stops the mesh in order.
 * Throws where the program can not be started at all.
 */
export function startProcess(options: SpawnOptions): Promise<ManagedProcess> {
  const fd = openSync(options.log, "a");
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", fd, fd, ...(options.channel ? (["ipc"] as const) : [])],
  });
  closeSync(fd);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new Error(`${options.name} could not be started: ${cause.message}`, { cause })),
    );
    child.once("spawn", () => resolve(manage(child, options)));
  });
}

function manage(child: ChildProcess, { name, log }: SpawnOptions): ManagedProcess {
  let exit: ExitInfo | undefined;
  const exited = new Promise<ExitInfo>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  child.on("error", () => {}); // A failed kill of a process that just ended; `exited` tells the rest.
  return {
    name,
    pid: child.pid ?? -1,
    log,
    exited,
    get exit() {
      return exit;
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** SIGTERM, then SIGKILL where it is still there after the grace. */
export async function endProcess(process: ManagedProcess, graceMs: number): Promise<ExitInfo> {
  if (process.exit !== undefined) return process.exit;
  process.kill("SIGTERM");
  const timer = setTimeout(() => process.kill("SIGKILL"), graceMs);
  try {
    return await process.exited;
  } finally {
    clearTimeout(timer);
  }
}
