// Entry point of `npm run bench`.
import type { Benchmark } from "./benchmark.ts";
import { cacheBenchmark } from "./cache.bench.ts";
import { cancelBenchmark } from "./cancel.bench.ts";
import { helpText, parseCommandLine, UsageError } from "./command-line.ts";
import { doorBenchmark } from "./door.bench.ts";
import { engineBenchmark } from "./engine.bench.ts";
import { evaluatorBenchmark } from "./evaluator.bench.ts";
import { guardBenchmark } from "./guard.bench.ts";
import { meshBenchmark } from "./mesh.bench.ts";
import { overloadBenchmark } from "./overload.bench.ts";
import { policiesBenchmark } from "./policies.bench.ts";
import { relayBenchmark } from "./relay.bench.ts";
import { resumeBenchmark } from "./resume.bench.ts";
import { runBenchmark } from "./run.ts";
import { tunerBenchmark } from "./tuner.bench.ts";

const BENCHMARKS: readonly Benchmark[] = [
  meshBenchmark,
  cancelBenchmark,
  engineBenchmark,
  relayBenchmark,
  doorBenchmark,
  overloadBenchmark,
  resumeBenchmark,
  policiesBenchmark,
  cacheBenchmark,
  tunerBenchmark,
  guardBenchmark,
  evaluatorBenchmark,
];
const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const;

const out = (text: string) => void process.stdout.write(text);
const err = (text: string) => void process.stderr.write(text);
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => interrupt.abort(new Error(`ended by ${name}`)));
}

try {
  const command = parseCommandLine(process.argv.slice(2), BENCHMARKS);
  if (command === "help") out(helpText(BENCHMARKS));
  else await runBenchmark(command, { interrupted: interrupt.signal, out, err });
} catch (error) {
  err(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) err("--help shows what is possible.\n");
  process.exitCode = interrupt.signal.aborted
    ? EXIT.interrupted
    : error instanceof UsageError
      ? EXIT.usage
      : EXIT.failed;
}
