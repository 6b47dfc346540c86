// Whether computing together changes what is answered: eight at a time against one by one, with kept prefixes and without.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineMessage, EngineRequest } from "@chimera/inference";
import type { BenchContext } from "../benchmark.ts";
import { shareResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, questionOf, readAnswer, solvedPrefix, ticketTexts } from "./questions.ts";

const TICKETS = { quick: 50, full: 500 };
const ANSWER_TOKENS = 12;
const EXAMPLES = 4;
/** Bounds what waits in the engine's queue. */
const GROUP = 100;

export async function sameAnswersResults(context: BenchContext): Promise<BenchResult[]> {
  const count = context.quick ? TICKETS.quick : TICKETS.full;
  context.progress(`same answers: ${count} tickets, greedy and drawn, bare and behind a warm prefix`);
  const folder = await mkdtemp(join(tmpdir(), "chimera-bench-states-"));
  const [serial, batched] = [
    await openBenchEngine({ slots: 1 }),
    await openBenchEngine({ slots: 8, stateFolder: join(folder, "states") }),
  ];
  try {
    const texts = (await ticketTexts()).slice(0, count);
    const prefix = await solvedPrefix(EXAMPLES);
    await batched.warmPrefix({ kind: "messages", messages: prefix }, context.signal);
    let same = 0;
    for (const temperature of [0, 1]) {
      for (const before of [[], prefix]) {
        const requests = requestsOf(texts, before, temperature);
        const expected = await oneByOne(serial, requests, context.signal);
        const answers = await together(batched, requests, context.signal);
        same += answers.filter((answer, index) => answer === expected[index]).length;
      }
    }
    return [
      shareResult({
        id: "engine.serial_equal_share",
        count: same,
        n: 4 * count,
        method: `Answers of ${ANSWER_TOKENS} tokens, 8 at a time, equal to those of the same engine one by one with nothing kept; temperature 0, and 1 with a seed, bare and behind a warm prefix.`,
      }),
    ];
  } finally {
    await Promise.all([serial.dispose(), batched.dispose()]);
    await rm(folder, { recursive: true, force: true });
  }
}

function requestsOf(texts: readonly string[], before: readonly EngineMessage[], temperature: number): EngineRequest[] {
  return texts.map((content, index) =>
    questionOf({ content, before, temperature, seed: index, maxTokens: ANSWER_TOKENS }),
  );
}

async function oneByOne(engine: Engine, requests: readonly EngineRequest[], signal: AbortSignal): Promise<string[]> {
  const answers: string[] = [];
  for (const request of requests) {
    // Overwrites what the one slot holds.
    await readAnswer(engine, { input: { kind: "prompt", prompt: "hi" }, sampling: { maxTokens: 1 } }, { signal });
    answers.push((await readAnswer(engine, request, { signal })).text);
  }
  return answers;
}

async function together(engine: Engine, requests: readonly EngineRequest[], signal: AbortSignal): Promise<string[]> {
  const answers: string[] = [];
  for (let at = 0; at < requests.length; at += GROUP) {
    const group = requests.slice(at, at + GROUP).map((request) => readAnswer(engine, request, { signal }));
    answers.push(...(await Promise.all(group)).map(({ text }) => text));
  }
  return answers;
}
