// The tuner beside Optuna's TPE: the true quality of what each picks, from as many trials and no more items.
import { meanInterval, RunningMean } from "@chimera/statistics";
import type { BenchContext, Benchmark } from "./benchmark.ts";
import { ITEMS_PER_TRIAL } from "./evaluator/tuner-objective.ts";
import { type OptunaPick, requireOptuna, tuneOptuna } from "./evaluator/tuner-optuna.ts";
import { tuneOurs } from "./evaluator/tuner-ours.ts";
import { vaultResults } from "./evaluator/vault.ts";
import type { BenchResult } from "./result.ts";

const SIZES = [30, 60, 120];
const SEEDS = { quick: 2, full: 24 };

export const tunerBenchmark: Benchmark = {
  name: "tuner",
  summary: "true quality of the pick after 30, 60 and 120 trials, beside Optuna's TPE; gain of a real run on the vault",
  limitMs: { quick: 58_000, full: 1_800_000 },
  run: measure,
};

async function measure(context: BenchContext): Promise<BenchResult[]> {
  const samplers = await samplerResults(context);
  // The vault is opened per release, not by every quick look.
  return context.quick ? samplers : [...samplers, ...(await vaultResults(context))];
}

async function samplerResults({ quick, signal, progress }: BenchContext): Promise<BenchResult[]> {
  const version = await requireOptuna(signal);
  const seeds = { first: 1, last: quick ? SEEDS.quick : SEEDS.full };
  const theirs = new Map(SIZES.map((size) => [size, new RunningMean()]));
  const peer = tuneOptuna({
    sizes: SIZES,
    seeds,
    signal,
    onPick({ seed, trials, quality }: OptunaPick) {
      theirs.get(trials)?.add(quality);
      progress(`Optuna, seed ${seed}, ${trials} trials: ${quality.toFixed(4)}`);
    },
  });
  const [ours] = await Promise.all([oursBySize(seeds, { signal, progress }), peer]);
  const noise = `Seven knobs of mixed kinds, binomial noise of ${ITEMS_PER_TRIAL} items a trial, drawn anew each time; mean over seeds, t interval.`;
  return SIZES.flatMap((size) => [
    qualityResult(
      `tuner.true_quality_${size}`,
      ours.get(size),
      `True quality of the proposal. ${noise} At most as many items as the trials times ${ITEMS_PER_TRIAL}.`,
    ),
    qualityResult(
      `tuner.optuna_true_quality_${size}`,
      theirs.get(size),
      `True quality of the trial with the highest score, Optuna ${version}, TPE with its defaults. ${noise}`,
    ),
  ]);
}

async function oursBySize(
  { first, last }: { first: number; last: number },
  { signal, progress }: Pick<BenchContext, "signal" | "progress">,
): Promise<Map<number, RunningMean>> {
  const qualities = new Map(SIZES.map((size) => [size, new RunningMean()]));
  for (let seed = first; seed <= last; seed++) {
    for (const trials of SIZES) {
      const { quality, itemsSpent } = await tuneOurs({ trials, seed, signal });
      qualities.get(trials)?.add(quality);
      progress(`ours, seed ${seed}, ${trials} trials, ${itemsSpent} items: ${quality.toFixed(4)}`);
    }
  }
  return qualities;
}

function qualityResult(id: string, qualities: RunningMean | undefined, method: string): BenchResult {
  const n = qualities?.n ?? 0;
  const interval = qualities === undefined ? null : (meanInterval(qualities) ?? null);
  return { id, value: qualities === undefined || n === 0 ? null : qualities.mean, unit: "share", n, interval, method };
}
