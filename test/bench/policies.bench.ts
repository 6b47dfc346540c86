// How replicas are chosen: every policy of the router in front of the same simulated engines, with the same requests.
import { DEFAULT_PARAMETERS } from "../../services/inference/src/engine/simulated/parameters.ts";
import { POLICY_NAMES, type PolicyName } from "../../services/router/src/balance/policies.ts";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { figuresOf, type PlayFigures, policyResults } from "./policies/figures.ts";
import { playTrace } from "./policies/simulated-mesh.ts";
import { TRACES, type TraceName } from "./policies/traces.ts";
import type { BenchResult } from "./result.ts";

/** Requests of one trace. Quick plays are short: most of their caches are still being filled. */
const REQUESTS = { quick: 300, full: 2000 };
const SEEDS = { quick: 3, full: 10 };
const REPLICAS = 8;
/** The default engine with 131,072 tokens of KV memory: about what half of the tenants' beginnings need. */
export const PARAMETERS = { ...DEFAULT_PARAMETERS, slots: 32, kvBlocks: 2048, kvBlockTokens: 64 };

export const policiesBenchmark: Benchmark = {
  name: "policies",
  summary: "policies for choosing a replica, side by side on simulated engines",
  limitMs: { quick: 58_000, full: 1_800_000 },
  run: measure,
};

async function measure({ quick, signal, progress }: BenchContext): Promise<BenchResult[]> {
  const size = quick ? "quick" : "full";
  const results: BenchResult[] = [];
  for (const name of Object.keys(TRACES) as TraceName[]) {
    const plays = new Map<PolicyName, PlayFigures[]>(POLICY_NAMES.map((policy) => [policy, []]));
    for (let seed = 1; seed <= SEEDS[size]; seed++) {
      progress(`${name}, seed ${seed} of ${SEEDS[size]}`);
      const trace = TRACES[name]({ seed, requests: REQUESTS[size], blockTokens: PARAMETERS.kvBlockTokens });
      for (const [policy, figures] of plays) {
        signal.throwIfAborted();
        const requests = await playTrace(trace, { policy, seed, replicas: REPLICAS, parameters: PARAMETERS });
        figures.push(figuresOf(trace, requests));
      }
    }
    results.push(...policyResults(name, plays));
  }
  return results;
}
