// Population stability index: how far counts over bins have moved from a reference. The usual thresholds 0.1 and 0.25 fit some
// sample size and number of bins only, so the critical value comes from a bootstrap of these very samples.
import { assert, quantile } from "@chimera/kernel";
import { type BootstrapOptions, drawMultinomial } from "./bootstrap.ts";
import { at } from "./class-counts.ts";

/** Added to each bin, or an empty one would make the index infinite. */
const SMOOTHING = 0.5;

/** Σ (q - p) ln(q/p) over bins (symmetrised divergence of Jeffreys), half a value added to each. */
export function populationStability(reference: readonly number[], current: readonly number[]): number {
  assert(reference.length === current.length && reference.length > 0, "both samples are counted over the same bins");
  return stability(Float64Array.from(reference), Float64Array.from(current));
}

export interface StabilityTest {
  psi: number;
  /** What two samples of these sizes exceed with probability alpha where nothing has moved. */
  critical: number;
  /** Share of resamples that are at least as far apart, the observed one among them. */
  pValue: number;
  moved: boolean;
}

/** Both samples redrawn from their pooled shares. */
export function populationStabilityTest(
  { reference, current, alpha = 0.05 }: { reference: readonly number[]; current: readonly number[]; alpha?: number },
  { resamples, random }: BootstrapOptions,
): StabilityTest {
  const psi = populationStability(reference, current);
  const pooled = Float64Array.from(reference, (count, bin) => count + at(current, bin));
  const total = sumOf(pooled);
  const [sizeBefore, sizeNow] = [sumOf(reference), sumOf(current)];
  assert(sizeBefore > 0 && sizeNow > 0, "a comparison needs values on both sides");
  const [before, now] = [new Float64Array(pooled.length), new Float64Array(pooled.length)];
  const drawn = Float64Array.from({ length: resamples }, () => {
    drawMultinomial(pooled, before, { n: sizeBefore, random, total });
    drawMultinomial(pooled, now, { n: sizeNow, random, total });
    return stability(before, now);
  }).sort();
  const critical = quantile(drawn, 1 - alpha);
  const pValue = (1 + drawn.filter((each) => each >= psi).length) / (1 + resamples);
  return { psi, critical, pValue, moved: pValue <= alpha };
}

function stability(reference: Float64Array, current: Float64Array): number {
  const [before, now] = [sumOf(reference), sumOf(current)].map((sum) => sum + SMOOTHING * reference.length);
  let index = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const p = (at(reference, bin) + SMOOTHING) / (before ?? 1);
    const q = (at(current, bin) + SMOOTHING) / (now ?? 1);
    index += (q - p) * Math.log(q / p);
  }
  return index;
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += at(values, i);
  return sum;
}
