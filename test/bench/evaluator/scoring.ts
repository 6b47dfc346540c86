// How fast and in how much memory the evaluator scores recorded answers: a file of JSONL, three scorers at once, all intervals.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { quantile } from "@chimera/kernel";
import type { BenchContext } from "../benchmark.ts";
import { overRounds } from "../bootstrap.ts";
import { plainResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { writeRecordedAnswers } from "./recorded-answers.ts";
import type { ScoreCost } from "./score-process.ts";

const SCORERS = ["exact_match", "token_f1", "classification"];
const ITEMS = { quick: 30_000, full: 100_000 };
const ROUNDS = { quick: 3, full: 10 };
const ITEMS_FOR_MEMORY = 500_000;
/** Nearly all that scoring makes dies at once: a larger young generation only lets it lie about. */
const HEAP = ["--max-semi-space-size=4"];
const TIMEOUT_MS = 120_000;

export async function scoringResults(
  folder: string,
  { quick, signal, progress }: BenchContext,
): Promise<BenchResult[]> {
  const [file, large] = [join(folder, "items.jsonl"), join(folder, "many-items.jsonl")];
  const items = quick ? ITEMS.quick : ITEMS.full;
  await writeRecordedAnswers(file, items, signal);
  const rates: number[] = [];
  for (let round = 0; round < (quick ? ROUNDS.quick : ROUNDS.full); round++) {
    const { n, cpuS } = await scoreInProcess(file, SCORERS, signal);
    rates.push(n / cpuS);
    progress(`${Math.round(n / cpuS)} items per second of CPU`);
  }
  await writeRecordedAnswers(large, ITEMS_FOR_MEMORY, signal);
  const { n, peakRssMib } = await scoreInProcess(large, SCORERS, signal);
  progress(`${Math.round(peakRssMib)} MiB for ${n} items`);
  const pipeline = `JSONL read and checked, ${SCORERS.join(", ")} at once, items in clusters of ten, bootstrap of 1,000 resamples over clusters, content hash; one process.`;
  return [
    {
      id: "evaluator.items_per_s",
      value: median(rates),
      unit: "1/s",
      n: rates.length,
      interval: overRounds(rates, median),
      method: `${items} recorded answers ÷ CPU seconds of all threads, median of rounds, start of Node left out. ${pipeline} Interval: percentile bootstrap over rounds.`,
    },
    plainResult({
      id: "evaluator.rss_mib_500k",
      value: peakRssMib,
      unit: "MiB",
      n,
      method: `Largest resident size of the process, as the kernel counts it; young generation of V8 bound to 4 MiB (${HEAP.join()}). ${pipeline}`,
    }),
  ];
}

export async function scoreInProcess(
  file: string,
  scorers: readonly string[],
  signal: AbortSignal,
): Promise<ScoreCost> {
  const script = join(import.meta.dirname, "score-process.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [...HEAP, script, file, ...scorers], {
    signal,
    timeout: TIMEOUT_MS,
  });
  return JSON.parse(stdout);
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
