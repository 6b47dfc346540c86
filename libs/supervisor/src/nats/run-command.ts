// Runs a short program of the system and returns what it wrote; never waits without end.
import { execFile } from "node:child_process";

export interface CommandResult {
  ok: boolean;
  output: string;
}

export interface CommandOptions {
  cwd?: string;
  timeoutMs: number;
}

export type RunCommand = (command: string, args: readonly string[], options: CommandOptions) => Promise<CommandResult>;

export const runCommand: RunCommand = (command, args, { cwd, timeoutMs }) =>
  new Promise((resolve) => {
    execFile(command, args, { cwd, timeout: timeoutMs, maxBuffer: 1024 * 1024 }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      resolve({ ok: error === null, output: error === null ? output : output || error.message });
    });
  });
