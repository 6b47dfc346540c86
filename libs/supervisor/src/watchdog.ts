// Ends a process that knows nothing of us when we die without a word. A shell reads from a pipe whose other end only we hold:
// when we are gone the read ends, and the shell sends SIGTERM.
import { spawn } from "node:child_process";
import type { ManagedProcess } from "./process.ts";

const SCRIPT = 'read -r _; kill -TERM "$0"';

/** Does nothing where there is no POSIX shell; the next start then ends what was left behind, by its state file. */
export function endWithUs(process: ManagedProcess): void {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, String(process.pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  // The id may belong to another process later, so the watch ends with the process it is about.
  void process.exited.then(() => shell.kill("SIGKILL"));
}
