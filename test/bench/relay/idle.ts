// What the hop adds to the first token where nothing else is going on: one stream at a time, in turns with the direct way.
import { addedResult } from "../added.ts";
import type { BenchContext } from "../benchmark.ts";
import type { BenchResult } from "../result.ts";
import { rotated } from "../turns.ts";
import { idPrefix } from "./results.ts";
import { TOKENS } from "./rounds.ts";
import type { RelayBench, Subject } from "./subjects.ts";

/** Longer than an answer takes, so that streams do not meet. */
const EVERY_MS = 20;

export interface IdlePlan {
  rounds: number;
  streamsPerRound: number;
}

export async function idleResults(bench: RelayBench, plan: IdlePlan, context: BenchContext): Promise<BenchResult[]> {
  const { subjects, direct, load } = bench;
  const all = [direct, ...subjects];
  const samples = new Map<Subject["name"], number[][]>(all.map(({ name }) => [name, []]));
  context.progress("one stream at a time");
  // The first round is for code to be compiled.
  for (let round = -1; round < plan.rounds; round++) {
    for (const { name, target } of rotated(all, round + 1)) {
      const paced = { target: target(TOKENS), everyMs: EVERY_MS, count: plan.streamsPerRound };
      const { ttftMs, failures, lastFailure } = await load.ask("paced", paced, context.signal);
      if (failures > 0) throw new Error(`${name}: ${failures} answers were not whole, the last one: ${lastFailure}`);
      if (round >= 0) samples.get(name)?.push(ttftMs);
    }
  }
  const directRounds = samples.get("direct") ?? [];
  return subjects.flatMap(({ name, title }) => {
    const through = samples.get(name) ?? [];
    const rounds = through.map((values, index) => ({ through: values, direct: directRounds[index] ?? [] }));
    return [50, 99].map((percent) =>
      addedResult({
        id: `${idPrefix(name, "")}added_ttft_ms_p${percent}`,
        rounds,
        percent,
        method: `Due time to first delta, one stream each ${EVERY_MS} ms, through ${title}. ${bench.cores.text}`,
      }),
    );
  });
}
