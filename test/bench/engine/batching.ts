// What computing together gains: the same engine with one slot and with eight, in blocks side by side.
import type { Engine } from "@chimera/inference";
import type { BenchContext } from "../benchmark.ts";
import { ratioInterval, ratioOf, type Slice } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { openBenchEngine, questionOf, readAnswer, ticketTexts } from "./questions.ts";

const SLOTS = 8;
const BLOCK_REQUESTS = 64;
const ANSWER_TOKENS = 16;
const PAIRS = { quick: 4, full: 30 };

export async function batchingResults({ quick, signal, clock, progress }: BenchContext): Promise<BenchResult[]> {
  const pairs = quick ? PAIRS.quick : PAIRS.full;
  progress(`one slot against ${SLOTS}: ${pairs} pairs of blocks`);
  const texts = await ticketTexts();
  const engine = await openBenchEngine({ slots: SLOTS });
  const block = async (slots: number, index: number) => {
    engine.setLimits({ slots });
    const startedAtMs = clock.monotonicMs();
    await all(engine, blockOf(texts, index), signal);
    return clock.monotonicMs() - startedAtMs;
  };
  try {
    await block(SLOTS, 0);
    const slices: Slice[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      // In turns, and each with tickets no slot has seen, so that no kept state helps either.
      const [one, many] = [2 * pair + 1, 2 * pair + 2];
      const first = pair % 2 === 0 ? 1 : SLOTS;
      const firstMs = await block(first, one);
      const secondMs = await block(first === 1 ? SLOTS : 1, many);
      slices.push(first === 1 ? { spent: firstMs, got: secondMs } : { spent: secondMs, got: firstMs });
    }
    return [
      {
        id: "engine.rps_ratio_8_to_1",
        value: ratioOf(slices),
        unit: "ratio",
        n: pairs * BLOCK_REQUESTS,
        interval: ratioInterval(slices),
        method: `Requests/s with ${SLOTS} slots ÷ with 1, engine in process, ${BLOCK_REQUESTS} waiting tickets a block, ${ANSWER_TOKENS} tokens each, blocks in turns. Interval: percentile bootstrap over pairs of blocks.`,
      },
    ];
  } finally {
    await engine.dispose();
  }
}

/** A number before each ticket makes it one that was never asked. */
function blockOf(texts: readonly string[], index: number): string[] {
  return Array.from({ length: BLOCK_REQUESTS }, (_, i) => {
    const at = index * BLOCK_REQUESTS + i;
    return `${at} . ${texts[at % texts.length] ?? ""}`;
  });
}

async function all(engine: Engine, contents: readonly string[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    contents.map((content) => readAnswer(engine, questionOf({ content, maxTokens: ANSWER_TOKENS }), { signal })),
  );
}
