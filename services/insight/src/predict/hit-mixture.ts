// TTFT as a mixture of hits and misses, both as they were measured: where a quantile goes when more requests become hits, and how
// many would have to for a gain that was asked for.

/** Times of hits and of misses, ascending. */
export interface HitAndMissTtft {
  readonly hitMs: Float64Array;
  readonly missMs: Float64Array;
}

/** The p-quantile where the share `hitRatio` of the requests are hits. NaN where a side with weight has no values. */
export function mixedQuantile({ hitMs, missMs }: HitAndMissTtft, hitRatio: number, p: number): number {
  const hitWeight = hitMs.length === 0 ? 0 : hitRatio / hitMs.length;
  const missWeight = missMs.length === 0 ? 0 : (1 - hitRatio) / missMs.length;
  if ((hitRatio > 0 && hitWeight === 0) || (hitRatio < 1 && missWeight === 0)) return Number.NaN;
  let [hit, miss, below] = [0, 0, 0];
  for (;;) {
    const hitNext = hitWeight === 0 ? Number.POSITIVE_INFINITY : (hitMs[hit] ?? Number.POSITIVE_INFINITY);
    const missNext = missWeight === 0 ? Number.POSITIVE_INFINITY : (missMs[miss] ?? Number.POSITIVE_INFINITY);
    if (!Number.isFinite(Math.min(hitNext, missNext))) return Math.max(hitMs.at(-1) ?? 0, missMs.at(-1) ?? 0);
    const isHit = hitNext <= missNext;
    below += isHit ? hitWeight : missWeight;
    // A rounding error must not carry the quantile to the next value.
    if (below >= p - 1e-12) return isHit ? hitNext : missNext;
    if (isHit) hit += 1;
    else miss += 1;
  }
}

const HALVINGS = 30;

/** Least hit ratio at which the median is `gain` below that of `hitRatio`; undefined where even hits alone do not get there. */
export function hitRatioNeeded(ttft: HitAndMissTtft, hitRatio: number, gain: number): number | undefined {
  const target = mixedQuantile(ttft, hitRatio, 0.5) * (1 - gain);
  if (!(mixedQuantile(ttft, 1, 0.5) <= target)) return undefined;
  let [low, high] = [hitRatio, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (mixedQuantile(ttft, middle, 0.5) <= target) high = middle;
    else low = middle;
  }
  return high;
}
