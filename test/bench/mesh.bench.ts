// The whole path under steady load: how fast it answers, how much it carries, and what each process spends on a request.
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { connectTickets } from "./load/ticket-client.ts";
import { type PhasePlan, planOf, playPhase } from "./mesh/phase.ts";
import { prepare } from "./mesh/prepare.ts";
import { failureLines, phaseResults, prefixOf } from "./mesh/results.ts";
import { withMesh } from "./mesh-under-test.ts";
import type { BenchResult } from "./result.ts";

const QUICK = { rates: [30], seconds: 12, warmUpSeconds: 3 };
const FULL = { rates: [30, 60, 120], seconds: 30, warmUpSeconds: 8 };

export const meshBenchmark: Benchmark = {
  name: "mesh",
  summary: "the whole path at 30, 60 and 120 requests/s, with the cache and without (quick: 30)",
  limitMs: { quick: 50_000, full: 360_000 },
  run,
};

async function run(context: BenchContext): Promise<BenchResult[]> {
  const { rates, seconds, warmUpSeconds } = context.quick ? QUICK : FULL;
  const phases = rates.flatMap((ratePerSecond): PhasePlan[] => {
    // Both play the same tickets at the same times.
    const plan = { ratePerSecond, seconds, seed: ratePerSecond };
    return [
      { ...plan, cache: "off" },
      { ...plan, cache: "on" },
    ];
  });
  return withMesh(context, {}, async (mesh) => {
    const tickets = connectTickets(mesh.url("router"), context.clock);
    try {
      await prepare(tickets, { plans: phases.map(planOf), warmUpSeconds }, context);
      const results: BenchResult[] = [];
      for (const plan of phases) {
        context.progress(`${prefixOf(plan)} for ${seconds} s`);
        const phase = await playPhase({ mesh, tickets }, plan, context);
        for (const line of failureLines(phase)) context.progress(line);
        results.push(...phaseResults(phase));
      }
      return results;
    } finally {
      tickets.close();
    }
  });
}
