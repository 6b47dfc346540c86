// CPU time and memory of a process, read from Linux's /proc: the operating system's own count, whatever the process believes.
import { readdirSync, readFileSync } from "node:fs";

export interface MeteredProcess {
  name: string;
  pid: number;
}

/** CPU time of each thread of a process so far, in ms, by thread id. */
export type ThreadCpu = ReadonlyMap<string, number>;

/**
 * Time on a CPU from schedstat, in nanoseconds at the source (stat counts in ticks of 10 ms). The file of the process itself
 * holds its first thread only, so every thread's is read. Throws where the process is gone or there is no /proc.
 */
export function readThreadCpu({ name, pid }: MeteredProcess): ThreadCpu {
  const threads = new Map<string, number>();
  for (const thread of list(`/proc/${pid}/task`, name)) {
    const cpuMs = readSchedstat(`/proc/${pid}/task/${thread}/schedstat`);
    if (cpuMs !== undefined) threads.set(thread, cpuMs);
  }
  return threads;
}

/** Between two readings. A thread that ended in between is counted up to the first of them. */
export function cpuBetweenMs(before: ThreadCpu, after: ThreadCpu): number {
  let total = 0;
  for (const [thread, cpuMs] of after) total += cpuMs - (before.get(thread) ?? 0);
  return total;
}

/** Resident memory now, MiB. */
export function readRssMib({ name, pid }: MeteredProcess): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`, name))?.[1];
  if (kib === undefined) throw new Error(`${name} has ended: process ${pid} has no memory any more`);
  return Number(kib) / 1024;
}

/** /proc/stat counts in ticks of 10 ms on every architecture Node runs on. */
const TICK_MS = 10;

/** Time that all cores together have worked since boot, for anybody, in ms; stolen by a hypervisor counts as worked. */
export function readMachineBusyMs(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(read("/proc/stat", "this machine"))?.[1] ?? ""
  )
    .split(" ")
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

function list(path: string, name: string): string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw unreadable(path, name, cause);
  }
}

function read(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw unreadable(path, name, cause);
  }
}

function unreadable(path: string, name: string, cause: unknown): Error {
  const why = process.platform === "linux" ? "has ended" : "can not be measured, because only Linux tells this";
  return new Error(`${name} ${why}: ${path} can not be read`, { cause });
}

/** Undefined for a thread that ended since it was listed. */
function readSchedstat(path: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(path, "utf8"), 10) / 1e6;
  } catch {
    return undefined;
  }
}
