// What a benchmark is to the harness: a name, a line of help, a bound in time, and results.
import type { Clock } from "@chimera/kernel";
import type { BenchResult } from "./result.ts";

export interface BenchContext {
  /** Fewer observations, so that the whole ends within a minute. */
  quick: boolean;
  /** Aborted by Ctrl-C or when the time is over; what was started must still be stopped. */
  signal: AbortSignal;
  clock: Clock;
  /** One line for whoever waits. */
  progress(line: string): void;
}

export interface Benchmark {
  name: string;
  summary: string;
  /** Longest time it may take, without stopping what it started. */
  limitMs: { quick: number; full: number };
  run(context: BenchContext): Promise<BenchResult[]>;
}
