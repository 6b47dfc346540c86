// The change on and off in turns: in pairs, which of the two comes first drawn by lot, so that whatever else changes with time falls
// on both alike.
import { hash } from "node:crypto";
import { quantile, type Random, seededRandom } from "@chimera/kernel";
import { meanInterval, RunningMean } from "@chimera/statistics";
import type { EndedBlock } from "../ledger/loop-state.ts";
import type { Metric } from "../ledger/prediction.ts";
import type { ProofDesign } from "../remedy/remedy.ts";
import type { RequestSample } from "../window/request-ring.ts";
import { type Measured, nothingMeasured } from "./verdict.ts";

export type Side = "on" | "off";

const MAX_PAIRS = 30;
/** With fewer, the interval of a mean over pairs says nothing. */
const MIN_PAIRS = 4;
/** The beginning of a block still shows what was before it: queues empty, caches fill. */
const WASHOUT_SHARE = 1 / 6;
/** One side with more requests than the other beyond this chance is a fault of the split. */
const RATIO_LEVEL = 0.999;
const DEFAULT_BLOCK_MS = 60_000;

export interface BlockPlan {
  readonly sides: readonly Side[];
  readonly blockMs: number;
}

/** The same for the same prediction, at every process. */
export function blockPlan({ blockMs = DEFAULT_BLOCK_MS, maxLengthMs }: ProofDesign, predictionId: string): BlockPlan {
  const random = seededRandom(Number.parseInt(hash("sha256", predictionId, "hex").slice(0, 8), 16));
  const pairs = Math.max(MIN_PAIRS, Math.min(MAX_PAIRS, Math.floor(maxLengthMs / (2 * blockMs))));
  return { sides: Array.from({ length: pairs }, () => drawn(random)).flat(), blockMs };
}

function drawn(random: Random): [Side, Side] {
  return random() < 0.5 ? ["on", "off"] : ["off", "on"];
}

/** Change of the metric from the pairs: mean of ln(on ÷ off) with its t interval, as each pair is one draw. */
export function measureBlocks(
  metric: Metric,
  ended: readonly EndedBlock[],
  samples: Iterable<RequestSample>,
): Measured {
  const pairs = pairsOf(ended, samples);
  const seconds = Math.round(((ended[0]?.endedAtMs ?? 0) - (ended[0]?.startedAtMs ?? 0)) / 1000);
  const design = `randomised blocks of ${seconds} s, ${pairs.length} on and ${pairs.length} off in pairs`;
  const ratios = new RunningMean();
  const counts = new RunningMean();
  const n = { on: 0, off: 0 };
  for (const { on, off } of pairs) {
    n.on += on.samples.length;
    n.off += off.samples.length;
    counts.add(Math.log((on.samples.length + 0.5) / on.lengthMs) - Math.log((off.samples.length + 0.5) / off.lengthMs));
    const ratio = Math.log(metricOf(metric, on) / metricOf(metric, off));
    if (Number.isFinite(ratio)) ratios.add(ratio);
  }
  if (ratios.n < MIN_PAIRS) return { ...nothingMeasured(design), n };
  return {
    relative: Math.expm1(ratios.mean),
    interval95: relativeInterval(ratios, 0.95),
    interval99: relativeInterval(ratios, 0.99),
    ...{ n, design },
    doubt: ratioDoubt(counts, n),
  };
}

interface BlockData {
  readonly lengthMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly samples: RequestSample[];
}

function pairsOf(ended: readonly EndedBlock[], samples: Iterable<RequestSample>) {
  const blocks = ended.map(({ arm, startedAtMs, endedAtMs }) => {
    const fromMs = startedAtMs + (endedAtMs - startedAtMs) * WASHOUT_SHARE;
    return { arm, data: { fromMs, toMs: endedAtMs, lengthMs: endedAtMs - fromMs, samples: [] } as BlockData };
  });
  for (const sample of samples) {
    const block = blocks.find(({ data }) => sample.arrivedMs >= data.fromMs && sample.arrivedMs < data.toMs);
    block?.data.samples.push(sample);
  }
  const pairs: { on: BlockData; off: BlockData }[] = [];
  for (let at = 0; at + 1 < blocks.length; at += 2) {
    const both = [blocks[at], blocks[at + 1]];
    const on = both.find((block) => block?.arm === "on");
    const off = both.find((block) => block?.arm === "off");
    if (on !== undefined && off !== undefined) pairs.push({ on: on.data, off: off.data });
  }
  return pairs;
}

/** NaN where the block holds nothing to measure, or where no request shows this metric. */
function metricOf(metric: Metric, { samples, lengthMs }: BlockData): number {
  switch (metric) {
    case "ttft_p50_ms": {
      const times = samples.flatMap(({ ttftMs }) => ttftMs ?? []).sort((a, b) => a - b);
      return times.length === 0 ? Number.NaN : quantile(Float64Array.from(times), 0.5);
    }
    case "hit_ratio": {
      const hits = samples.filter(({ cache }) => cache === "hit").length;
      return hits / (hits + samples.filter(({ cache }) => cache === "miss").length);
    }
    case "capacity_rps":
      return (1000 * samples.filter(({ status }) => status === "OK").length) / lengthMs;
    default:
      return Number.NaN;
  }
}

function relativeInterval(ratios: RunningMean, level: number) {
  const interval = meanInterval(ratios, level);
  return interval && { low: Math.expm1(interval.low), high: Math.expm1(interval.high), level };
}

function ratioDoubt(counts: RunningMean, n: { on: number; off: number }): string | undefined {
  const interval = meanInterval(counts, RATIO_LEVEL);
  if (interval === undefined || (interval.low <= 0 && interval.high >= 0)) return undefined;
  return `${n.on} requests with the change and ${n.off} without are no even split: something besides the lot decided who met it`;
}
