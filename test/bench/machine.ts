// What a figure was measured on, without anything that names the machine or its folders.
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { repositoryRoot } from "@chimera/supervisor";

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  node: string;
  kernel: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    node: process.versions.node,
    kernel: `${type()} ${release()}`,
  };
}

/** "unknown" outside a git clone. */
export function currentCommit(): string {
  try {
    const changed = git("status", "--porcelain") !== "";
    return `${git("rev-parse", "HEAD")}${changed ? "-dirty" : ""}`;
  } catch {
    return "unknown";
  }
}

function git(...args: string[]): string {
  return execFileSync("git", args, {
    cwd: repositoryRoot,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
