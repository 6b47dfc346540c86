// How long the engine goes on for a client that has left, by door and by moment.
import { seededRandom } from "@chimera/kernel";
import type { Mesh } from "@chimera/supervisor";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { type Door, grpcDoor, openaiDoor } from "./cancel/doors.ts";
import { type EngineWatch, watchEngine } from "./cancel/engine-watch.ts";
import { questionsFor } from "./cancel/questions.ts";
import { LATEST_LEAVE_MS, LEAVES_AT_DELTA, MOMENTS, type Moment, type TrialTime, trial } from "./cancel/trial.ts";
import { foreignCpuResult, percentileResults, plainResult } from "./figures.ts";
import { clientProcess, meshProcesses, withMesh } from "./mesh-under-test.ts";
import { metered } from "./meter.ts";
import type { BenchResult } from "./result.ts";

const ROUNDS = { quick: 40, full: 500 };
/** Not counted: the code is compiled while they run. */
const WARM_UP_ROUNDS = 10;
const SEED = 1;

export const cancelBenchmark: Benchmark = {
  name: "cancel",
  summary: "time from a client's leaving to an idle engine, over gRPC and the OpenAI door",
  limitMs: { quick: 50_000, full: 600_000 },
  run: (context) => withMesh(context, {}, (mesh) => measure(mesh, context)),
};

interface Series {
  door: Door;
  moment: Moment;
  times: TrialTime[];
  missed: number;
}

async function measure(mesh: Mesh, context: BenchContext): Promise<BenchResult[]> {
  const doors = [grpcDoor(mesh.url("router")), openaiDoor(mesh.url("router"))];
  const engine = watchEngine(mesh.url("inference"), context.clock);
  const series = doors.flatMap((door) => MOMENTS.map((moment): Series => ({ door, moment, times: [], missed: 0 })));
  try {
    const { foreignShare } = await metered(
      [...meshProcesses(mesh), clientProcess()],
      () => 0,
      (blind) => play(series, engine, { ...context, signal: AbortSignal.any([context.signal, blind]) }),
    );
    return [...results(series), foreignCpuResult("cancel.foreign_cpu_share", foreignShare)];
  } finally {
    engine.close();
    for (const door of doors) door.close();
  }
}

/** In turns, so that whatever changes on the machine changes for all. */
async function play(series: readonly Series[], engine: EngineWatch, context: BenchContext): Promise<void> {
  const { clock, signal, progress, quick } = context;
  const tools = { engine, clock, signal, random: seededRandom(SEED) };
  const questions = { before_first: await questionsFor("before_first"), mid: await questionsFor("mid") };
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  progress(`${WARM_UP_ROUNDS} rounds to warm up, then ${rounds} of ${series.length} trials`);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const each of series) {
      const time = await trial(each.door, { moment: each.moment, question: questions[each.moment]() }, tools);
      if (round < 0) continue;
      if (time === undefined) each.missed++;
      else each.times.push(time);
    }
  }
}

const METHOD =
  "Client's leaving to the first poll of the engine that shows no active and no queued generation: an upper bound, too high by at most the poll's resolution.";
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
      values: all.map(({ engineMs }) => engineMs),
      percents: [50, 99],
      unit: "ms",
      method: `${METHOD} All doors and moments together, in equal numbers of trials.`,
    }),
    ...series.flatMap(({ door, moment, times }) =>
      percentileResults({
        id: `cancel.${door.name}.${moment}_ms`,
        values: times.map(({ engineMs }) => engineMs),
        percents: [50, 99],
        unit: "ms",
        method: `${METHOD} ${MOMENT_METHODS[moment]}`,
      }),
    ),
    ...resolutionResults("cancel.poll_resolution_ms", all),
    ...series.flatMap(({ door, moment, times }) =>
      resolutionResults(`cancel.${door.name}.${moment}_poll_resolution_ms`, times),
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

function resolutionResults(id: string, times: readonly TrialTime[]): BenchResult[] {
  return percentileResults({
    id,
    values: times.map(({ resolutionMs }) => resolutionMs),
    percents: [50, 99],
    unit: "ms",
    method: "Asking of the last poll that showed work, or the leaving, to the answer of the first that showed none.",
  });
}
