// Runs one benchmark within its bound of time and tells what came out.
import { writeFileSync } from "node:fs";
import { type Clock, systemClock } from "@chimera/kernel";
import type { BenchCommand } from "./command-line.ts";
import { currentCommit, describeMachine } from "./machine.ts";
import { reportJson, reportText } from "./result.ts";

export interface RunOptions {
  /** Aborted by Ctrl-C. */
  interrupted: AbortSignal;
  out(text: string): void;
  err(text: string): void;
  clock?: Clock;
}

/** Throws the reason of the signal, an error that names the bound, or the benchmark's own error. */
export async function runBenchmark(
  { benchmark, quick, json }: BenchCommand,
  { interrupted, out, err, clock = systemClock }: RunOptions,
): Promise<void> {
  const limitMs = quick ? benchmark.limitMs.quick : benchmark.limitMs.full;
  const overdue = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([interrupted, overdue]);
  const startedAtMs = clock.monotonicMs();
  const progress = (line: string) =>
    err(`${((clock.monotonicMs() - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  // Asked for first: a file changed while the figures are taken is not what was measured.
  const [machine, commit] = [describeMachine(), currentCommit()];
  try {
    const results = await benchmark.run({ quick, signal, clock, progress });
    signal.throwIfAborted();
    const report = { name: benchmark.name, machine, commit, results };
    if (json !== undefined) writeFileSync(json, reportJson(report));
    out(`\n${reportText(report)}`);
  } catch (error) {
    // What failed because it was told to stop is not the reason.
    interrupted.throwIfAborted();
    if (!overdue.aborted) throw error;
    throw new Error(`${benchmark.name} was not done within ${limitMs / 1000} s and was stopped`, { cause: error });
  }
}
