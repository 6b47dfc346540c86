// Stops a mesh from its state file alone: the supervisor is asked first, and what it left behind is ended by process id.
import { setTimeout as wait } from "node:timers/promises";
import { type Clock, systemClock } from "@chimera/kernel";
import type { MeshPaths } from "./paths.ts";
import { STOP_ORDER } from "./services.ts";
import { isSameProcess, type MeshState, readState, removeState } from "./state.ts";

export interface StopOptions {
  /** For the supervisor, which itself gives every service time to drain. */
  supervisorGraceMs?: number;
  /** For a process without a supervisor. */
  orphanGraceMs?: number;
  clock?: Clock;
}

const POLL_MS = 50;

type Identity = { pid: number; startTicks?: string };

/** Returns the names of processes that had to be ended one by one because no supervisor did it. */
export async function stopRecorded(paths: MeshPaths, state: MeshState, options: StopOptions = {}): Promise<string[]> {
  const { supervisorGraceMs = 60_000, orphanGraceMs = 8000, clock = systemClock } = options;
  await endByPid(state.supervisor, supervisorGraceMs, clock);
  const orphans = state.processes.filter(isSameProcess).sort((a, b) => stopRank(a.service) - stopRank(b.service));
  for (const orphan of orphans) await endByPid(orphan, orphanGraceMs, clock);
  removeState(paths);
  return orphans.map((orphan) => orphan.name);
}

function stopRank(service: string): number {
  const order: readonly string[] = STOP_ORDER;
  const index = order.indexOf(service);
  return index === -1 ? STOP_ORDER.length : index;
}

async function endByPid(process: Identity, graceMs: number, clock: Clock): Promise<void> {
  if (!isSameProcess(process)) return;
  signal(process.pid, "SIGTERM");
  const deadline = clock.monotonicMs() + graceMs;
  while (isSameProcess(process)) {
    if (clock.monotonicMs() > deadline) {
      signal(process.pid, "SIGKILL");
      return;
    }
    await wait(POLL_MS);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in between.
  }
}

/** Ends at once what the mesh of this supervisor runs, and forgets it: the answer to an impatient second Ctrl-C. */
export function killRecorded(paths: MeshPaths, supervisorPid: number): void {
  const state = readState(paths);
  if (state?.supervisor.pid !== supervisorPid) return;
  for (const process of state.processes.filter(isSameProcess)) signal(process.pid, "SIGKILL");
  removeState(paths);
}
