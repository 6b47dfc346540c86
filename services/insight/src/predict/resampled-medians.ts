// The change of the median where only a hit gain is known: times resampled, hits as independent chances.
import { type Random, seededRandom } from "@chimera/kernel";
import { type HitAndMissTtft, mixedQuantile } from "./hit-mixture.ts";
import { normal } from "./normal.ts";

const RESAMPLES = 400;
/** Times of each side that are redrawn. */
const MAX_VALUES = 2000;

export function resampledMedians(
  ttft: HitAndMissTtft,
  { hitRatio, gain, n, seed }: { hitRatio: number; gain: number; n: number; seed: number },
): number[] {
  const random = seededRandom(seed);
  const share = (p: number) => clamp(p + normal(random) * Math.sqrt((p * (1 - p)) / Math.max(1, n)));
  const one = () => {
    const drawn = { hitMs: redrawn(ttft.hitMs, random), missMs: redrawn(ttft.missMs, random) };
    const before = drawn.hitMs.length === 0 ? 0 : share(hitRatio);
    return mixedQuantile(drawn, clamp(before + share(gain)), 0.5) / mixedQuantile(drawn, before, 0.5) - 1;
  };
  return Array.from({ length: RESAMPLES }, one);
}

function redrawn(values: Float64Array, random: Random): Float64Array {
  const size = Math.min(MAX_VALUES, values.length);
  return Float64Array.from({ length: size }, () => values[Math.floor(random() * values.length)] ?? 0).sort();
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
