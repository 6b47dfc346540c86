// What a warm-up came to for all requests: the cache says how many more hits it gave, from questions left cold by lot; what these
// hits are worth in time is read from the hits and misses of the same window.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Estimate, WarmUp } from "@chimera/contracts/cache";
import { type IntervalEstimate, normalQuantile, quantile, type Random, seededRandom } from "@chimera/kernel";
import type { Metric } from "../ledger/prediction.ts";
import { type HitAndMissTtft, mixedQuantile } from "../predict/hit-mixture.ts";
import { normal } from "../predict/normal.ts";
import type { RequestSample } from "../window/request-ring.ts";
import type { Window } from "../window/window.ts";
import { type Measured, nothingMeasured } from "./verdict.ts";

const RESAMPLES = 1000;
/** Times of each side that are redrawn. */
const MAX_TIMES = 1000;
const SEED = 1;

/** The newest warm-up that began after the prediction was made; undefined where the cache knows of none any more. */
export function warmUpSince(warmUps: readonly WarmUp[], sinceMs: number): WarmUp | undefined {
  const own = warmUps.filter(({ startedAt }) => startedAt !== undefined && timestampMs(startedAt) >= sinceMs);
  return own.toSorted((a, b) => startMs(b) - startMs(a))[0];
}

function startMs({ startedAt }: WarmUp): number {
  return startedAt === undefined ? 0 : timestampMs(startedAt);
}

export function windowOf({ gain }: WarmUp): Window | undefined {
  if (gain?.from === undefined || gain.to === undefined) return undefined;
  return { fromMs: timestampMs(gain.from), toMs: timestampMs(gain.to) };
}

/** `samples`: the requests of the window that was measured. */
export function measureWarmUp(metric: Metric, warmUp: WarmUp, samples: readonly RequestSample[]): Measured {
  const { gain, result } = warmUp;
  const design = `questions warmed against ${result?.control ?? 0} left cold by lot; their hits scaled to all requests, valued by the times of hits and misses in the same window`;
  const n = { on: Number(gain?.treatedRequests ?? 0n), off: Number(gain?.controlRequests ?? 0n) };
  const more = gain?.overallHitGainPp;
  if (more === undefined) return { ...nothingMeasured(design), n };
  const window = hitsAndMisses(samples);
  const change = metric === "hit_ratio" ? ratioChange : medianChange;
  const draws = Array.from({ length: RESAMPLES }, drawsFrom(window, more, change)).filter(Number.isFinite);
  const relative = change(window, more.value / 100);
  if (!Number.isFinite(relative) || draws.length < RESAMPLES / 2) return { ...nothingMeasured(design), n };
  const sorted = Float64Array.from(draws).sort();
  const middle = (level: number): IntervalEstimate => ({
    low: Math.min(relative, quantile(sorted, (1 - level) / 2)),
    high: Math.max(relative, quantile(sorted, (1 + level) / 2)),
    level,
  });
  return { relative, interval95: middle(0.95), interval99: middle(0.99), n, design };
}

interface HitsAndMisses {
  readonly hitRatio: number;
  readonly ttft: HitAndMissTtft;
}

function hitsAndMisses(samples: readonly RequestSample[]): HitsAndMisses {
  const times = (verdict: string) =>
    Float64Array.from(samples.flatMap(({ cache, ttftMs }) => (cache === verdict ? (ttftMs ?? []) : []))).sort();
  const asked = samples.filter(({ cache }) => cache === "hit" || cache === "miss");
  const hits = asked.filter(({ cache }) => cache === "hit").length;
  return { hitRatio: hits / Math.max(1, asked.length), ttft: { hitMs: times("hit"), missMs: times("miss") } };
}

type ChangeBy = (window: HitsAndMisses, gain: number) => number;

const ratioChange: ChangeBy = ({ hitRatio }, gain) => hitRatio / Math.max(0, hitRatio - gain) - 1;

const medianChange: ChangeBy = ({ hitRatio, ttft }, gain) => {
  const without = Math.min(1, Math.max(0, hitRatio - gain));
  return mixedQuantile(ttft, hitRatio, 0.5) / mixedQuantile(ttft, without, 0.5) - 1;
};

/** Both are uncertain: how many more hits there were, and what a hit saves. */
function drawsFrom(window: HitsAndMisses, more: Estimate, change: ChangeBy): () => number {
  const random = seededRandom(SEED);
  const deviation = (more.high - more.low) / 2 / normalQuantile((1 + more.level) / 2);
  return () => {
    const gain = (more.value + normal(random) * deviation) / 100;
    const { hitMs, missMs } = window.ttft;
    return change({ ...window, ttft: { hitMs: redrawn(hitMs, random), missMs: redrawn(missMs, random) } }, gain);
  };
}

function redrawn(values: Float64Array, random: Random): Float64Array {
  const size = Math.min(MAX_TIMES, values.length);
  return Float64Array.from({ length: size }, () => values[Math.floor(random() * values.length)] ?? 0).sort();
}
