// How often intervals of a nominal 95 % cover the truth, in data made so that the truth is known.
import { type Random, seededRandom, wilsonInterval } from "@chimera/kernel";
import {
  BOOTSTRAP_INTERVAL,
  bootstrapF1,
  type Cell,
  ClusteredMean,
  cellScores,
  meanInterval,
  pairedDifference,
  RunningMean,
} from "@chimera/statistics";
import type { BenchContext } from "../benchmark.ts";
import { plainResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";

const SIZES = [50, 200, 1000, 2000];
const REPEATS = { quick: 1500, full: 10_000 };
/** The bootstrap costs a thousand times more than a formula. */
const BOOTSTRAP_REPEATS = { quick: 400, full: 4000 };
const RESAMPLES = 400;
const CLUSTER_ITEMS = 5;
const SEED = 5;

interface Bounds {
  low: number;
  high: number;
}

interface Setting {
  name: string;
  truth: number;
  isBootstrap?: boolean;
  interval(n: number, random: Random): Bounds | undefined;
}

export interface Coverage {
  name: string;
  n: number;
  repeats: number;
  covered: number;
}

export function coverageResults({ quick, signal, progress }: BenchContext): BenchResult[] {
  const random = seededRandom(SEED);
  const all: Coverage[] = [];
  for (const setting of SETTINGS) {
    const repeats = (setting.isBootstrap ? BOOTSTRAP_REPEATS : REPEATS)[quick ? "quick" : "full"];
    const own = SIZES.map((n) => {
      signal.throwIfAborted();
      return coverageOf(setting, { n, repeats, random });
    });
    progress(`${setting.name}: ${own.map(percent).join(", ")} at n = ${SIZES.join(", ")}`);
    all.push(...own);
  }
  const sorted = all.toSorted((a, b) => a.covered / a.repeats - b.covered / b.repeats);
  return [extreme("evaluator.coverage_min", sorted.at(0), all), extreme("evaluator.coverage_max", sorted.at(-1), all)];
}

export function coverageOf(
  setting: Setting,
  { n, repeats, random }: { n: number; repeats: number; random: Random },
): Coverage {
  let covered = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const interval = setting.interval(n, random);
    if (interval !== undefined && interval.low <= setting.truth && setting.truth <= interval.high) covered += 1;
  }
  return { name: setting.name, n, repeats, covered };
}

function extreme(id: string, of: Coverage | undefined, all: readonly Coverage[]): BenchResult {
  return plainResult({
    id,
    value: of === undefined ? null : of.covered / of.repeats,
    unit: "share",
    n: all.reduce((sum, { repeats }) => sum + repeats, 0),
    method: `Simulated coverage of nominal 95 % intervals, the ${id.endsWith("min") ? "lowest" : "highest"} of ${all.length} settings (${of?.name}, n = ${of?.n}, ${of?.repeats} repeats): ${SETTINGS.map(({ name }) => name).join("; ")}; each at n = ${SIZES.join(", ")}; bootstrap of ${RESAMPLES} resamples. The extreme of so many settings lies a little outside for chance alone: two to three standard errors of one setting. Seed ${SEED}.`,
  });
}

function percent({ covered, repeats }: Coverage): string {
  return `${((100 * covered) / repeats).toFixed(1)} %`;
}

const ACCURACIES = [0.8, 0.9, 0.95];

/** Right answers of one class go where these shares say; the truth follows from them. */
const CELL_SHARES: readonly Cell[] = [
  { target: "a", predicted: "a", count: 0.42 },
  { target: "a", predicted: "b", count: 0.05 },
  { target: "a", predicted: "c", count: 0.03 },
  { target: "b", predicted: "b", count: 0.25 },
  { target: "b", predicted: "a", count: 0.05 },
  { target: "c", predicted: "c", count: 0.16 },
  { target: "c", predicted: "a", count: 0.04 },
];

const SETTINGS: readonly Setting[] = [
  ...ACCURACIES.map((p) => ({ name: `Wilson at ${p}`, truth: p, interval: wilsonOf(p) })),
  { name: "t on token F1", truth: 0.8, interval: tOf },
  { name: "clustered t, clusters of 5 with a shared ability", truth: 0.8, interval: clusteredOf },
  { name: "paired difference, 0.85 against 0.80", truth: 0.05, interval: pairedOf },
  {
    name: `bootstrap of macro F1, 3 classes, ${BOOTSTRAP_INTERVAL}`,
    truth: cellScores(CELL_SHARES).macroF1,
    isBootstrap: true,
    interval: f1Of,
  },
];

function wilsonOf(p: number) {
  return (n: number, random: Random): Bounds => {
    let successes = 0;
    for (let i = 0; i < n; i++) if (random() < p) successes += 1;
    return wilsonInterval(successes, n);
  };
}

/** Six of ten are perfect, the others anything with mean one half. */
function tOf(n: number, random: Random): Bounds | undefined {
  const values = new RunningMean();
  for (let i = 0; i < n; i++) values.add(random() < 0.6 ? 1 : random());
  return meanInterval(values);
}

/** Abilities are uniform in 0.6 to 1. */
function clusteredOf(n: number, random: Random): Bounds | undefined {
  const mean = new ClusteredMean();
  for (let c = 0; c < n / CLUSTER_ITEMS; c++) {
    const ability = 0.6 + 0.4 * random();
    for (let i = 0; i < CLUSTER_ITEMS; i++) mean.add(random() < ability ? 1 : 0, String(c));
  }
  return mean.interval();
}

/** Half of the items are answered alike by both for a common reason. */
function pairedOf(n: number, random: Random): Bounds | undefined {
  const pairs = Array.from({ length: n }, () => {
    const common = random() < 0.5 ? random() : undefined;
    const [first, second] = [common ?? random(), common ?? random()];
    return { first: first < 0.8 ? 1 : 0, second: second < 0.85 ? 1 : 0 };
  });
  return pairedDifference(pairs).interval;
}

function f1Of(n: number, random: Random): Bounds | undefined {
  const counts = new Float64Array(CELL_SHARES.length);
  for (let i = 0; i < n; i++) {
    const cell = cellAt(random());
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const cells = CELL_SHARES.map((cell, i) => ({ ...cell, count: counts[i] ?? 0 })).filter(({ count }) => count > 0);
  return bootstrapF1(cells, { resamples: RESAMPLES, random }).macroF1;
}

function cellAt(u: number): number {
  let edge = 0;
  for (const [cell, { count }] of CELL_SHARES.entries()) {
    edge += count;
    if (u < edge) return cell;
  }
  return 0;
}
