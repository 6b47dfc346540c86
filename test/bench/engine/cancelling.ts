// How long the engine goes on for a caller that has left, without any network in between.
import { setTimeout as wait } from "node:timers/promises";
import type { Engine, EngineRequest } from "@chimera/inference";
import { type Random, seededRandom } from "@chimera/kernel";
import type { BenchContext } from "../benchmark.ts";
import { percentileResults } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, questionOf, ticketTexts } from "./questions.ts";

const TRIALS = { quick: 50, full: 1000 };
/** About 800 of the 1024 tokens of the context. */
const LONG_PROMPT_CHARACTERS = 3000;
const LEAVES_AT_DELTA = 5;
const LATEST_LEAVE_MS = 20;

export async function cancellingResults(context: BenchContext): Promise<BenchResult[]> {
  const trials = context.quick ? TRIALS.quick : TRIALS.full;
  context.progress(`cancelling: ${trials} times in a prompt and in an answer`);
  const engine = await openBenchEngine({ slots: 8 });
  const random = seededRandom(1);
  const texts = await ticketTexts();
  const times: number[] = [];
  try {
    for (let trial = 0; trial < trials; trial++) {
      const long = longText(texts, trial);
      const early = await inPrompt(engine, questionOf({ content: long, maxTokens: 8 }), { context, random });
      if (early !== undefined) times.push(early);
      times.push(
        await inAnswer(engine, questionOf({ content: texts[trial % texts.length] ?? "", maxTokens: 900 }), context),
      );
    }
  } finally {
    await engine.dispose();
  }
  return percentileResults({
    id: "engine.cancel_idle_ms",
    values: times,
    percents: [50, 99],
    unit: "ms",
    method: `Abort of the signal to an engine with no busy slot, in process; half at 0 to ${LATEST_LEAVE_MS} ms of a prompt of about 800 tokens, half at piece ${LEAVES_AT_DELTA} of an answer of 900.`,
  });
}

/** Undefined where the prompt was done before its caller left. */
async function inPrompt(
  engine: Engine,
  request: EngineRequest,
  { context, random }: { context: BenchContext; random: Random },
): Promise<number | undefined> {
  const caller = new AbortController();
  let hasText = false;
  const read = (async () => {
    for await (const part of engine.generate(request, caller.signal)) hasText ||= part.kind === "delta";
  })().catch(() => undefined);
  await wait(random() * LATEST_LEAVE_MS, undefined, { signal: context.signal });
  const missed = hasText;
  const idleMs = await leave(engine, { caller, read, context });
  return missed ? undefined : idleMs;
}

async function inAnswer(engine: Engine, request: EngineRequest, context: BenchContext): Promise<number> {
  const caller = new AbortController();
  let deltas = 0;
  const parts = engine.generate(request, caller.signal)[Symbol.asyncIterator]();
  while (deltas < LEAVES_AT_DELTA) if ((await parts.next()).value?.kind === "delta") deltas++;
  const read = parts.next().then(
    () => undefined,
    () => undefined,
  );
  return leave(engine, { caller, read, context });
}

interface Leaving {
  caller: AbortController;
  /** Settles when the stream has ended. */
  read: Promise<unknown>;
  context: BenchContext;
}

async function leave(engine: Engine, { caller, read, context }: Leaving): Promise<number> {
  context.signal.throwIfAborted();
  const leftAtMs = context.clock.monotonicMs();
  caller.abort();
  await read;
  while (engine.describe().busySlots > 0) await new Promise((resolve) => setImmediate(resolve));
  return context.clock.monotonicMs() - leftAtMs;
}

function longText(texts: readonly string[], trial: number): string {
  let text = `${trial} .`;
  for (let at = trial; text.length < LONG_PROMPT_CHARACTERS; at++) text += ` ${texts[at % texts.length] ?? ""}`;
  return text.slice(0, LONG_PROMPT_CHARACTERS);
}
