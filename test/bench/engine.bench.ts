// What the embedded engine gives: batching, kept prefixes, prompt cancellation, repeatable answers, and what the mesh costs on top.
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { batchingResults } from "./engine/batching.ts";
import { cancellingResults } from "./engine/cancelling.ts";
import { meshCpuResults } from "./engine/mesh-cpu.ts";
import { sameAnswersResults } from "./engine/same-answers.ts";
import { simulatorErrorResults } from "./engine/simulator-error.ts";
import { warmPrefixResults } from "./engine/warm-prefix.ts";
import type { BenchResult } from "./result.ts";

const PARTS = [batchingResults, warmPrefixResults, cancellingResults, sameAnswersResults, meshCpuResults];
/** Takes minutes to be worth anything, so only the full run has it. */
const FULL_PARTS = [...PARTS, simulatorErrorResults];

export const engineBenchmark: Benchmark = {
  name: "engine",
  summary: "the embedded engine: batching, warm prefixes, cancelling, equal answers, cost of the mesh around it",
  limitMs: { quick: 55_000, full: 600_000 },
  run,
};

async function run(context: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const part of context.quick ? PARTS : FULL_PARTS) {
    results.push(...(await part(context)));
    context.signal.throwIfAborted();
  }
  return results;
}
