// Optuna beside ours: its process, and what it picked. It is a Debian package, so the distribution's own Python runs it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PYTHON = "/usr/bin/python3";
const SCRIPT = join(import.meta.dirname, "tuner-optuna.py");

export interface OptunaPick {
  seed: number;
  trials: number;
  quality: number;
  reported: number;
}

/** Throws an error that says how to install it where it is missing. */
export async function requireOptuna(signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(PYTHON, ["-c", "import optuna; print(optuna.__version__)"], { signal }, (error, stdout) => {
      if (error === null) resolve(stdout.trim());
      else if (signal.aborted) reject(error);
      else reject(new Error("Optuna is missing: apt-get install python3-optuna", { cause: error }));
    });
  });
}

export interface OptunaRun {
  /** Ascending: one study per seed is looked at after each. */
  sizes: readonly number[];
  seeds: { first: number; last: number };
  signal: AbortSignal;
  onPick(pick: OptunaPick): void;
}

/** One study per seed, in a process of its own. Ends when all are done, or with the process's error. */
export async function tuneOptuna({ sizes, seeds, signal, onPick }: OptunaRun): Promise<void> {
  const args = [SCRIPT, sizes.join(","), String(seeds.first), String(seeds.last)];
  await new Promise<void>((resolve, reject) => {
    const child = execFile(PYTHON, args, { signal }, (error) => (error === null ? resolve() : reject(error)));
    if (child.stdout) createInterface(child.stdout).on("line", (line) => onPick(JSON.parse(line)));
  });
}
