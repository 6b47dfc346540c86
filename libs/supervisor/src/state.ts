// What is running, written down so that another terminal finds it: `status`, `down`, `ask` and `report` read it.
// A process id alone can be another process by now, so its start time is kept beside it.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { MeshPaths } from "./paths.ts";

export interface ProcessState {
  name: string;
  /** Kind of process: a service name or "nats". */
  service: string;
  pid: number;
  /** Start time in clock ticks since boot, where the operating system tells it. */
  startTicks?: string;
  port: number;
  url: string;
  log: string;
  startedAtMs: number;
}

export interface MeshState {
  version: 1;
  supervisor: { pid: number; startTicks?: string };
  startedAtMs: number;
  natsUrl: string;
  /** How the NATS server was come by, in words. */
  natsOrigin: string;
  processes: ProcessState[];
}

/** "running": its supervisor lives. "stale": its supervisor is gone, and processes may have stayed behind. */
export type StateStatus = "none" | "running" | "stale";

export function statePath(paths: MeshPaths): string {
  return join(paths.run, "mesh.json");
}

export function readState(paths: MeshPaths): MeshState | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(statePath(paths), "utf8"));
    return isMeshState(state) ? state : undefined;
  } catch {
    return undefined;
  }
}

function isMeshState(value: unknown): value is MeshState {
  return typeof value === "object" && value !== null && "version" in value && value.version === 1;
}

/** Replaces the file in one step: a reader never sees half of it. */
export function writeState(paths: MeshPaths, state: MeshState): void {
  const path = statePath(paths);
  mkdirSync(dirname(path), { recursive: true });
  const next = `${path}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(next, path);
}

export function removeState(paths: MeshPaths): void {
  rmSync(statePath(paths), { force: true });
}

export function stateStatus(state: MeshState | undefined): StateStatus {
  if (state === undefined) return "none";
  return isSameProcess(state.supervisor) ? "running" : "stale";
}

/** Whether the process with this id is alive and is the one that was written down. */
export function isSameProcess({ pid, startTicks }: { pid: number; startTicks?: string }): boolean {
  if (!isAlive(pid)) return false;
  return startTicks === undefined || startTicksOf(pid) === startTicks;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Field 22 of /proc/<pid>/stat (proc(5)); undefined on systems without it, and for a process that ended and was not reaped. */
export function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces, so fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** What identifies a process beyond its id. */
export function identify(pid: number): { pid: number; startTicks?: string } {
  const startTicks = startTicksOf(pid);
  return startTicks === undefined ? { pid } : { pid, startTicks };
}
