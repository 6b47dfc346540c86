// Five times the load it can carry: how much is still answered in time, how soon the rest is refused, what a quiet tenant notices.
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { foreignCpuResult } from "./figures.ts";
import { clientProcess, meshProcesses, withMesh } from "./mesh-under-test.ts";
import { metered } from "./meter.ts";
import { openCaller } from "./overload/caller.ts";
import { NOMINAL_PER_SECOND, OVERLOAD_MESH } from "./overload/mesh.ts";
import { type Phase, playPhase } from "./overload/phase.ts";
import { HEAVY, LIGHT, type OverloadPhases, overloadResults } from "./overload/results.ts";
import type { BenchResult } from "./result.ts";

interface Plan {
  warmUpSeconds: number;
  aloneSeconds: number;
  /** Of the nominal capacity. */
  sweep: readonly number[];
  sweepSeconds: number;
  floodSeconds: number;
}

const QUICK: Plan = { warmUpSeconds: 2, aloneSeconds: 6, sweep: [0.8, 0.95, 1.1], sweepSeconds: 6, floodSeconds: 12 };
const FULL: Plan = {
  warmUpSeconds: 10,
  aloneSeconds: 60,
  sweep: [0.7, 0.8, 0.9, 1, 1.1, 1.3],
  sweepSeconds: 20,
  floodSeconds: 60,
};
const LIGHT_PER_SECOND = 4;
const FLOOD_FACTOR = 5;

export const overloadBenchmark: Benchmark = {
  name: "overload",
  summary: "five times the capacity of simulated engines: answers in time, refusals, fairness",
  limitMs: { quick: 58_000, full: 420_000 },
  run: (context) => withMesh(context, OVERLOAD_MESH, (mesh) => measure(mesh, context)),
};

async function measure(mesh: Mesh, context: BenchContext): Promise<BenchResult[]> {
  const { result, foreignShare } = await metered(
    [...meshProcesses(mesh), clientProcess()],
    () => 0,
    (blind) => playPhases(mesh, { ...context, signal: AbortSignal.any([context.signal, blind]) }),
  );
  return [...overloadResults(result), foreignCpuResult("overload.foreign_cpu_share", foreignShare)];
}

async function playPhases(mesh: Mesh, context: BenchContext): Promise<OverloadPhases> {
  const plan = context.quick ? QUICK : FULL;
  const caller = openCaller(mesh.url("router"), context.clock);
  let seed = 0;
  const play = (what: string, heavyPerSecond: number, seconds: number) => {
    context.progress(`${what}: ${(LIGHT_PER_SECOND + heavyPerSecond).toFixed(0)} requests/s for ${seconds} s`);
    const rates = [
      { tenant: LIGHT, perSecond: LIGHT_PER_SECOND },
      { tenant: HEAVY, perSecond: heavyPerSecond },
    ];
    return playPhase(caller, { rates, seconds, seed: ++seed }, context);
  };
  try {
    await play("warming up", NOMINAL_PER_SECOND / 2, plan.warmUpSeconds);
    const alone = await play("light tenant alone", 0, plan.aloneSeconds);
    const sweep: Phase[] = [];
    for (const factor of plan.sweep) {
      sweep.push(await play("sweep", factor * NOMINAL_PER_SECOND - LIGHT_PER_SECOND, plan.sweepSeconds));
    }
    // No measured capacity is above the nominal one.
    const flood = await play("flood", FLOOD_FACTOR * NOMINAL_PER_SECOND - LIGHT_PER_SECOND, plan.floodSeconds);
    return { alone, sweep, flood };
  } finally {
    caller.close();
  }
}
