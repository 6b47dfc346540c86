// The cache: what its policies keep, what a hit costs, what warming up gains, and what saturation, kills and crowds do to it.
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { hitResults } from "./cache/hits.ts";
import { isolationResults } from "./cache/isolation.ts";
import { killResults } from "./cache/kill.ts";
import { policyResults } from "./cache/policies.ts";
import { saturatedResults } from "./cache/saturated.ts";
import { semanticResults } from "./cache/semantic.ts";
import { singleFlightResults } from "./cache/single-flight.ts";
import { warmUpResults } from "./cache/warm-up.ts";
import type { BenchResult } from "./result.ts";

export const cacheBenchmark: Benchmark = {
  name: "cache",
  summary: "policies against the optimum, hits, warm-up, saturation, single flight, kills, tenants, similar questions",
  limitMs: { quick: 58_000, full: 2_400_000 },
  run,
};

type Part = (context: BenchContext) => Promise<BenchResult[]>;

/** What needs a quiet machine comes first. */
const PARTS: readonly Part[] = [
  hitResults,
  saturatedResults,
  warmUpResults,
  singleFlightResults,
  policyResults,
  isolationResults,
  killResults,
  semanticResults,
];
/** Minutes each, however few observations: hours of traffic, a cache filled three times, processes that die. */
const LONG: ReadonlySet<Part> = new Set<Part>([saturatedResults, warmUpResults, killResults]);

async function run(context: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  if (context.quick) context.progress("saturation, warm-up and kills are left out; they take minutes each");
  for (const part of PARTS) {
    if (context.quick && LONG.has(part)) continue;
    results.push(...(await part(context)));
    context.signal.throwIfAborted();
  }
  return results;
}
