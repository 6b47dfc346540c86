// Keeps what is measured and what makes the load on cores of their own, so that neither waits for the other.
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { processTree } from "./process-tree.ts";

export interface Cores {
  /** Puts a process and all below it on the core of what is measured; the others share the rest. */
  pin(pid: number, where: "subject" | "load"): void;
  /** For the method of a result. */
  readonly text: string;
}

/** Does nothing on one core, or where taskset is missing. */
export function claimCores(progress: (line: string) => void): Cores {
  const last = availableParallelism() - 1;
  if (last === 0) return { pin: () => undefined, text: "All processes on one core." };
  const lists = { subject: String(last), load: last === 1 ? "0" : `0-${last - 1}` };
  let isMissing = false;
  return {
    pin(pid, where) {
      for (const each of isMissing ? [] : processTree(pid)) isMissing = !setAffinity(each, lists[where]);
      if (isMissing) progress("taskset is missing (apt-get install util-linux): processes are not pinned to cores");
    },
    get text() {
      return isMissing ? "Processes not pinned." : "What is measured has a core of its own.";
    },
  };
}

/** Of all threads; those that begin later inherit it. False where there is no taskset. */
function setAffinity(pid: number, list: string): boolean {
  try {
    execFileSync("taskset", ["-apc", list, String(pid)], { stdio: "ignore" });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}
