// Watches one process and starts it anew after a crash, as often as its budget allows.
import { setTimeout as wait } from "node:timers/promises";
import type { ExitInfo, ManagedProcess } from "./process.ts";
import type { RestartBudget } from "./restart-budget.ts";

export type ProcessEvent =
  | { kind: "started"; name: string; pid: number }
  | { kind: "serving"; name: string; pid: number }
  | { kind: "crashed"; name: string; exit: ExitInfo; log: string }
  | { kind: "restarting"; name: string; delayMs: number }
  | { kind: "gave-up"; name: string; log: string };

export interface KeepRunningOptions {
  first: ManagedProcess;
  /** Unset where a crash is only told, not repaired. */
  budget: RestartBudget | undefined;
  /** Aborted once the process shall end: its end is then no crash. */
  stopping: AbortSignal;
  spawn(): Promise<ManagedProcess>;
  onEvent(event: ProcessEvent): void;
}

export async function keepRunning({ first, budget, stopping, spawn, onEvent }: KeepRunningOptions): Promise<void> {
  let process = first;
  for (;;) {
    const { name, log } = process;
    const exit = await process.exited;
    if (stopping.aborted) return;
    onEvent({ kind: "crashed", name, exit, log });
    if (budget === undefined) return;
    const delayMs = budget.next();
    if (delayMs === undefined) return onEvent({ kind: "gave-up", name, log });
    onEvent({ kind: "restarting", name, delayMs });
    await wait(delayMs, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return;
    process = await spawn();
  }
}
