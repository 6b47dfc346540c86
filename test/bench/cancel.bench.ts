// How long the engine goes on for a client that has left, by door and by moment.
import { seededRandom } from "@chimera/kernel";
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { allDoors, type Door } from "./cancel/doors.ts";
import { type EngineWatch, watchEngine } from "./cancel/engine-watch.ts";
import type { InferenceCommands } from "./cancel/inference-process.ts";
import { questionsFor } from "./cancel/questions.ts";
import { LATEST_LEAVE_MS, LEAVES_AT_DELTA, MOMENTS, type Moment, type TrialTime, trial } from "./cancel/trial.ts";
import { foreignCpuResult, percentileResults, plainResult } from "./figures.ts";
import { machineClock } from "./load/machine-clock.ts";
import { startWorker, type Worker } from "./load/worker.ts";
import { clientProcess, meshProcesses, withRouter } from "./mesh-under-test.ts";
import { metered } from "./meter.ts";
import type { BenchResult } from "./result.ts";

const ROUNDS = { quick: 60, full: 500 };
/** Not counted: the code is compiled while they run. */
const WARM_UP_ROUNDS = { quick: 10, full: 20 };
const SEED = 1;

export const cancelBenchmark: Benchmark = {
  name: "cancel",
  summary: "time from a client's leaving to an idle engine, over every door",
  limitMs: { quick: 55_000, full: 600_000 },
  run,
};

async function run(context: BenchContext): Promise<BenchResult[]> {
  const file = new URL("./cancel/inference-process.ts", import.meta.url);
  const inference = await startWorker<InferenceCommands>("inference", file);
  try {
    const { port } = await inference.ask("start", undefined, context.signal);
    return await withRouter(context, port, (mesh) => measure({ mesh, inference }, context));
  } finally {
    await inference.stop();
  }
}

interface Subject {
  mesh: Mesh;
  inference: Worker<InferenceCommands>;
}

interface Series {
  door: Door;
  moment: Moment;
  times: TrialTime[];
  missed: number;
}

async function measure({ mesh, inference }: Subject, context: BenchContext): Promise<BenchResult[]> {
  const doors = allDoors(mesh.url("router"));
  const engine = watchEngine(inference);
  const series = doors.flatMap((door) => MOMENTS.map((moment): Series => ({ door, moment, times: [], missed: 0 })));
  try {
    const { foreignShare } = await metered(
      [...meshProcesses(mesh), { name: inference.name, pid: inference.pid }, clientProcess()],
      () => 0,
      (blind) => play(series, engine, { ...context, signal: AbortSignal.any([context.signal, blind]) }),
    );
    return [...results(series), foreignCpuResult("cancel.foreign_cpu_share", foreignShare)];
  } finally {
    for (const door of doors) door.close();
  }
}

/** In turns, so that whatever changes on the machine changes for all. */
async function play(series: readonly Series[], engine: EngineWatch, context: BenchContext): Promise<void> {
  const { signal, progress, quick } = context;
  const tools = { engine, clock: machineClock, signal, random: seededRandom(SEED) };
  const questions = { before_first: await questionsFor("before_first"), mid: await questionsFor("mid") };
  const [rounds, warmUpRounds] = [ROUNDS, WARM_UP_ROUNDS].map((of) => (quick ? of.quick : of.full));
  progress(`${warmUpRounds} rounds to warm up, then ${rounds} of ${series.length} trials`);
  for (let round = -(warmUpRounds ?? 0); round < (rounds ?? 0); round++) {
    for (const each of series) {
      const time = await trial(each.door, { moment: each.moment, question: questions[each.moment]() }, tools);
      if (round < 0) continue;
      if (time === undefined) each.missed++;
      else each.times.push(time);
    }
  }
}

const METHOD =
  "Client's leaving to no active and no queued generation, stamped in the engine's own process on the clock both share.";
const MOMENT_METHODS: Record<Moment, string> = {
  before_first: `Left while the prompt was computed, 0 to ${LATEST_LEAVE_MS} ms after its start.`,
  mid: `Left at piece ${LEAVES_AT_DELTA} of an answer of 900 tokens.`,
};

function results(series: readonly Series[]): BenchResult[] {
  const all = series.flatMap(({ times }) => times);
  const trials = all.length + series.reduce((total, { missed }) => total + missed, 0);
  return [
    ...percentileResults({
      id: "cancel.engine_ms",
      values: all.map(({ idleMs }) => idleMs),
      percents: [50, 99],
      unit: "ms",
      method: `${METHOD} All doors and moments together, in equal numbers of trials.`,
    }),
    ...percentileResults({
      id: "cancel.told_ms",
      values: all.map(({ toldMs }) => toldMs),
      percents: [50, 99],
      unit: "ms",
      method:
        "Client's leaving to the signal that tells the engine to stop: the way through the mesh, without what the engine still finishes. All doors and moments together.",
    }),
    ...series.flatMap(({ door, moment, times }) =>
      percentileResults({
        id: `cancel.${door.name}.${moment}_ms`,
        values: times.map(({ idleMs }) => idleMs),
        percents: [50, 99],
        unit: "ms",
        method: `${METHOD} ${MOMENT_METHODS[moment]} ${door.leaving}.`,
      }),
    ),
    plainResult({
      id: "cancel.missed",
      value: trials - all.length,
      unit: "trials",
      n: trials,
      method: "Trials without a time: a token came before the client left, or the answer ended.",
    }),
  ];
}
