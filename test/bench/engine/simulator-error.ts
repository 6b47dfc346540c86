// How far the simulated engine is from the embedded one at loads it was not fitted to.
import { setTimeout as wait } from "node:timers/promises";
import type { Engine } from "@chimera/inference";
import { calibrate } from "../../../services/inference/src/engine/simulated/calibration/calibrate.ts";
import { type Measured, playTickets } from "../../../services/inference/src/engine/simulated/calibration/play.ts";
import type { SpanRow } from "../../../services/inference/src/engine/simulated/calibration/rows.ts";
import type { BenchContext } from "../benchmark.ts";
import { plainResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, questionOf, readAnswer, ticketTexts } from "./questions.ts";

const SLOTS = 8;
/** What the embedded engine computes in one step at most. */
const STEP_TOKENS = 512;
const ANSWER_TOKENS = 8;
/** Shares of what the engine can do, so that every machine is measured at the same points of its curve. */
const LEARNED = [0.1, 0.6];
const PREDICTED = [0.3, 0.45];
/** Loads take turns, so that whatever changes on the machine changes for all. */
const ROUNDS = { quick: 4, full: 20 };
const SECONDS_PER_TURN = { quick: 0.8, full: 2 };
const PROBE_REQUESTS = 400;
/** The engine is quiet before the next load. */
const PAUSE_MS = 50;

export async function simulatorErrorResults(context: BenchContext): Promise<BenchResult[]> {
  const { quick, clock, signal, progress } = context;
  const engine = await openBenchEngine({ slots: SLOTS });
  try {
    await capacityPerS(engine, context);
    const perS = await capacityPerS(engine, context);
    const [rounds, seconds] = quick ? [ROUNDS.quick, SECONDS_PER_TURN.quick] : [ROUNDS.full, SECONDS_PER_TURN.full];
    const loads = [...LEARNED, ...PREDICTED].map((share) => ({
      name: `${share} of capacity`,
      share,
      rows: emptyRows(),
    }));
    progress(
      `simulator error: ${loads.length} loads up to ${Math.round(Math.max(...LEARNED) * perS)} requests/s in turns`,
    );
    const ask = ({ text }: { text: string }) => measure(engine, text, signal);
    for (let round = 0; round < rounds; round++) {
      for (const load of loads) {
        const seed = Math.round(load.share * 100) + 1000 * round;
        const turn = await playTickets({ ratePerS: load.share * perS, seconds, seed, slots: SLOTS, clock, ask });
        load.rows.push(...after(load.rows, turn.rows));
        signal.throwIfAborted();
        await wait(PAUSE_MS, undefined, { signal });
      }
    }
    const [spans, others] = [loads.slice(0, LEARNED.length), loads.slice(LEARNED.length)];
    return resultsOf(calibrate({ spans, against: others, holdout: 0, stepTokens: STEP_TOKENS }).against);
  } finally {
    await engine.dispose();
  }
}

const emptyRows = (): SpanRow[] => [];

/** One turn behind the others, as if there had been no other load in between. */
function after(before: readonly SpanRow[], turn: readonly SpanRow[]): SpanRow[] {
  const endMs = before.reduce((end, row) => Math.max(end, row.arrived_ms + row.total_ms), 0);
  return turn.map((row) => ({ ...row, arrived_ms: endMs + row.arrived_ms }));
}

/** Requests/s with every slot busy. */
async function capacityPerS(engine: Engine, { clock, signal }: BenchContext): Promise<number> {
  const texts = await ticketTexts();
  let next = 0;
  const startedAtMs = clock.monotonicMs();
  const worker = async () => {
    while (next < PROBE_REQUESTS) {
      const content = texts[next++ % texts.length] ?? "";
      await readAnswer(engine, questionOf({ content, maxTokens: ANSWER_TOKENS }), { signal });
    }
  };
  await Promise.all(Array.from({ length: SLOTS }, worker));
  return (PROBE_REQUESTS * 1000) / (clock.monotonicMs() - startedAtMs);
}

async function measure(engine: Engine, content: string, signal: AbortSignal): Promise<Measured> {
  for await (const part of engine.generate(questionOf({ content, maxTokens: ANSWER_TOKENS }), signal)) {
    if (part.kind === "complete") return part;
  }
  throw new Error("the stream ended without its last part");
}

function resultsOf(against: ReturnType<typeof calibrate>["against"]): BenchResult[] {
  const method = `Fitted to Poisson arrivals at ${LEARNED.join(" and ")} of capacity, then the arrivals at ${PREDICTED.join(" and ")} replayed in the step loop.`;
  const n = against.reduce((sum, { error }) => sum + error.n, 0);
  const largest = (pick: (error: (typeof against)[number]["error"]) => number) =>
    Math.max(...against.map(({ error }) => Math.abs(pick(error))));
  const result = (id: string, value: number, what: string) =>
    plainResult({
      id,
      value,
      unit: "ratio",
      n,
      method: `${what} |predicted ÷ measured − 1|, engine in process. ${method}`,
    });
  return [
    result(
      "engine.simulator_error",
      largest((error) => error.largest),
      "Largest of TTFT p50, TTFT p95 and RPS:",
    ),
    result(
      "engine.simulator_error_ttft_p50",
      largest((error) => error.ttftP50),
      "TTFT p50:",
    ),
    result(
      "engine.simulator_error_ttft_p95",
      largest((error) => error.ttftP95),
      "TTFT p95:",
    ),
    result(
      "engine.simulator_error_rps",
      largest((error) => error.rps),
      "RPS:",
    ),
  ];
}
