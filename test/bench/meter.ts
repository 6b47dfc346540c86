// Follows the CPU time of several processes in slices while a load runs, so that a cost per request gets an interval.
import { availableParallelism } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "@chimera/kernel";
import {
  cpuBetweenMs,
  type MeteredProcess,
  readMachineBusyMs,
  readRssMib,
  readThreadCpu,
  type ThreadCpu,
} from "./cpu.ts";
import { type Slice, sum } from "./figures.ts";

/** One reading of about a hundred small files per slice. */
const SLICE_MS = 1000;

export interface MeterReading {
  name: string;
  /** CPU ms spent and requests answered, slice by slice. */
  slices: Slice[];
  /** Resident at the end. */
  rssMib: number;
}

export interface Metered<T> {
  result: T;
  readings: MeterReading[];
  /** Share of the machine that processes other than these were using. */
  foreignShare: number;
}

/**
 * Measures while `work` runs. `answered` counts the requests that ended so far. Throws where a process has ended; `work` is told
 * by its signal, and waited for.
 */
export async function metered<T>(
  processes: readonly MeteredProcess[],
  answered: () => number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Metered<T>> {
  const [startedAtMs, busyBeforeMs] = [systemClock.monotonicMs(), readMachineBusyMs()];
  const cuts: Cut[] = [cut(processes, answered())];
  const [done, blind] = [new AbortController(), new AbortController()];
  const following = follow(done.signal, () => cuts.push(cut(processes, answered())));
  following.catch((error: unknown) => blind.abort(error));
  const working = work(blind.signal).finally(() => done.abort());
  await Promise.allSettled([working, following]);
  await following;
  const result = await working;
  cuts.push(cut(processes, answered()));
  const busyMs = readMachineBusyMs() - busyBeforeMs;
  const capacityMs = (systemClock.monotonicMs() - startedAtMs) * availableParallelism();
  const readings = processes.map((process) => ({
    name: process.name,
    slices: slicesOf(cuts, process.name),
    rssMib: readRssMib(process),
  }));
  const ownMs = sum(readings.flatMap(({ slices }) => slices.map(({ spent }) => spent)));
  return { result, readings, foreignShare: Math.max(0, busyMs - ownMs) / capacityMs };
}

interface Cut {
  answered: number;
  cpu: ReadonlyMap<string, ThreadCpu>;
}

function cut(processes: readonly MeteredProcess[], answered: number): Cut {
  return { answered, cpu: new Map(processes.map((process) => [process.name, readThreadCpu(process)])) };
}

async function follow(done: AbortSignal, onSlice: () => void): Promise<void> {
  for (;;) {
    await wait(SLICE_MS, undefined, { signal: done }).catch(() => undefined);
    if (done.aborted) return;
    onSlice();
  }
}

const NO_THREADS: ThreadCpu = new Map();

function slicesOf(cuts: readonly Cut[], name: string): Slice[] {
  return cuts.slice(1).map((after, index) => {
    const before = cuts[index] ?? after;
    return {
      spent: cpuBetweenMs(before.cpu.get(name) ?? NO_THREADS, after.cpu.get(name) ?? NO_THREADS),
      got: after.answered - before.answered,
    };
  });
}
