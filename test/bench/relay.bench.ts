// What relaying a token costs, beside nginx and HAProxy: same client, same fake engine, in turns.
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { foreignCpuResult } from "./figures.ts";
import { metered } from "./meter.ts";
import { idleResults } from "./relay/idle.ts";
import { roundResults } from "./relay/results.ts";
import { playRounds } from "./relay/rounds.ts";
import { stalledResults } from "./relay/stalled.ts";
import { type RelayBench, withSubjects } from "./relay/subjects.ts";
import type { BenchResult } from "./result.ts";

const QUICK = {
  rounds: { rounds: 3, firstWarmUpMs: 1500, warmUpMs: 150, measureMs: 450 },
  idle: { rounds: 3, streamsPerRound: 12 },
  stalled: { warmUpMs: 500, resumed: 1 },
};
const FULL = {
  rounds: { rounds: 10, firstWarmUpMs: 5000, warmUpMs: 1000, measureMs: 3000 },
  idle: { rounds: 10, streamsPerRound: 100 },
  stalled: { warmUpMs: 2000, resumed: 5 },
};

export const relayBenchmark: Benchmark = {
  name: "relay",
  summary: "CPU per token, added TTFT and memory per stalled reader of the relay, beside nginx and HAProxy",
  limitMs: { quick: 58_000, full: 1_200_000 },
  run: (context) => withSubjects(context, (bench) => measure(bench, context)),
};

async function measure(bench: RelayBench, context: BenchContext): Promise<BenchResult[]> {
  const plan = context.quick ? QUICK : FULL;
  const { result, foreignShare } = await metered(
    bench.processes,
    () => 0,
    async (blind) => {
      const watched = { ...context, signal: AbortSignal.any([context.signal, blind]) };
      const idle = await idleResults(bench, plan.idle, watched);
      // Before much memory was taken: what a process gives back while readers stall would hide what they cost.
      const stalled = await stalledResults(bench, plan.stalled, watched);
      const played = await playRounds(bench, plan.rounds, watched);
      return [...roundResults(played, bench.subjects), ...idle, ...stalled];
    },
  );
  return [...result, foreignCpuResult("relay.foreign_cpu_share", foreignShare)];
}
