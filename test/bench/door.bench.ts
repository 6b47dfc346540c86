// The OpenAI door beside the gateways a team would pick instead: added TTFT, streams per second, CPU and memory.
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { type DoorBench, withGateways } from "./door/gateways.ts";
import { doorResults } from "./door/results.ts";
import { type DoorPlan, playDoorRounds } from "./door/rounds.ts";
import { foreignCpuResult } from "./figures.ts";
import { metered } from "./meter.ts";
import type { BenchResult } from "./result.ts";

const QUICK: DoorPlan = {
  rounds: 3,
  firstWarmUpMs: 2000,
  aloneStreams: 6,
  warmUpMs: 200,
  measureMs: 600,
  busySeconds: 0.6,
};
const FULL: DoorPlan = {
  rounds: 10,
  firstWarmUpMs: 5000,
  aloneStreams: 50,
  warmUpMs: 1000,
  measureMs: 4000,
  busySeconds: 4,
};

export const doorBenchmark: Benchmark = {
  name: "door",
  summary: "streamed chat completions through the router, beside Portkey and LiteLLM",
  // The full run may have to install the others first.
  limitMs: { quick: 58_000, full: 2_400_000 },
  run: (context) => withGateways(context, (bench) => measure(bench, context)),
};

async function measure(bench: DoorBench, context: BenchContext): Promise<BenchResult[]> {
  const plan = context.quick ? QUICK : FULL;
  const { result: rounds, foreignShare } = await metered(
    bench.processes,
    () => 0,
    (blind) => playDoorRounds(bench, plan, { ...context, signal: AbortSignal.any([context.signal, blind]) }),
  );
  const results = doorResults(rounds, bench.gateways, bench.cores.text);
  return [...results, foreignCpuResult("door.foreign_cpu_share", foreignShare)];
}
