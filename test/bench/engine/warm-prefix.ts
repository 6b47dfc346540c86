// What a warm prefix saves: time to the first token behind one that is kept, and behind one of the same length that is not.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineMessage } from "@chimera/inference";
import type { BenchContext } from "../benchmark.ts";
import { plainResult, ratioInterval, ratioOf, type Slice } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, questionOf, readAnswer, solvedPrefix, ticketTexts } from "./questions.ts";

/** About 512 tokens, with a question of about 30 behind it. */
const EXAMPLES = 15;
const TRIALS = { quick: 20, full: 300 };

interface Setup {
  engine: Engine;
  prefix: readonly EngineMessage[];
  texts: readonly string[];
  context: BenchContext;
}

export async function warmPrefixResults(context: BenchContext): Promise<BenchResult[]> {
  const trials = context.quick ? TRIALS.quick : TRIALS.full;
  context.progress(`warm prefix: ${trials} pairs, from memory and from the file`);
  const folder = await mkdtemp(join(tmpdir(), "chimera-bench-states-"));
  const engine = await openBenchEngine({ slots: 4, stateFolder: join(folder, "states") });
  try {
    const [prefix, texts] = [await solvedPrefix(EXAMPLES), await ticketTexts()];
    const { tokens, savedBytes } = await engine.warmPrefix({ kind: "messages", messages: prefix }, context.signal);
    const setup = { engine, prefix, texts, context };
    await series(setup, 5);
    const inMemory = await series(setup, trials);
    // With one slot, the cold prompt before it has always overwritten what the slot held.
    engine.setLimits({ slots: 1 });
    const fromFile = await series(setup, trials);
    return [
      result("engine.warm_ttft_ratio", inMemory, `a prefix of ${tokens} tokens that a slot holds`),
      result("engine.restored_ttft_ratio", fromFile, `a prefix of ${tokens} tokens that is loaded from its file`),
      plainResult({
        id: "engine.warm_prefix_tokens",
        value: tokens,
        unit: "tokens",
        n: 1,
        method: "Length of the prefix behind the two ratios.",
      }),
      plainResult({
        id: "engine.warm_prefix_bytes",
        value: savedBytes,
        unit: "bytes",
        n: 1,
        method: "Size of the file that keeps its state.",
      }),
    ];
  } finally {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Warm and cold in turns, with the same question. */
async function series({ engine, prefix, texts, context }: Setup, trials: number): Promise<Slice[]> {
  const slices: Slice[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const content = texts[trial % texts.length] ?? "";
    const got = await ttftMs({ engine, before: strange(prefix, trial), content }, context);
    const spent = await ttftMs({ engine, before: prefix, content }, context);
    slices.push({ spent, got });
  }
  return slices;
}

/** As long, and different from its first word on. */
function strange(prefix: readonly EngineMessage[], trial: number): EngineMessage[] {
  const [system, ...rest] = prefix;
  return [{ role: "system", content: `desk ${trial} : ${system?.content ?? ""}` }, ...rest];
}

interface Asked {
  engine: Engine;
  before: readonly EngineMessage[];
  content: string;
}

async function ttftMs({ engine, before, content }: Asked, { clock, signal }: BenchContext): Promise<number> {
  const askedAtMs = clock.monotonicMs();
  let firstAtMs: number | undefined;
  await readAnswer(engine, questionOf({ content, before, maxTokens: 2 }), {
    signal,
    onText: () => {
      firstAtMs = clock.monotonicMs();
    },
  });
  if (firstAtMs === undefined) throw new Error("an answer had no text");
  return firstAtMs - askedAtMs;
}

function result(id: string, slices: readonly Slice[], behind: string): BenchResult {
  return {
    id,
    value: ratioOf(slices),
    unit: "ratio",
    n: slices.length,
    interval: ratioInterval(slices),
    method: `Mean time to first text behind ${behind} ÷ behind one of that length never seen, engine in process, in turns, same question. Interval: percentile bootstrap over pairs.`,
  };
}
