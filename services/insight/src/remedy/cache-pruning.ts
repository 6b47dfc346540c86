// Taking out answers that were never served. Frees room for others once; where the policy would have let go of them first anyway,
// nothing is gained, and that is the usual answer.
import type { Saturation } from "../predict/observed.ts";
import { CACHE_PROOF, hitPredictions } from "./cache-findings.ts";
import { measureFirst, noGain, type Remedy } from "./remedy.ts";
import { count, mebibytes } from "./words.ts";

/** A prune reads the whole index and may have to be undone. */
const COST_SHARE = 0.01;

export const cachePruning: Remedy = {
  id: "cache-pruning",
  title: "Take out answers that nobody asks for",
  precondition({ cache }) {
    if (cache?.saturation === undefined) return "no cache said how saturated it is";
    const { risk, prunableBytes } = cache.saturation;
    if (risk === "low") return "the cache is not saturated";
    return prunableBytes === 0 ? "every answer was served or is still too young to judge" : undefined;
  },
  forecast(observed) {
    const saturation = observed.cache?.saturation;
    const capacityBytes = observed.cache?.capacityBytes ?? 0;
    if (saturation === undefined) return measureFirst("the signs of saturation");
    const gain = gainOfRoom(saturation, capacityBytes);
    if (gain === undefined) return measureFirst("hit ratios of the policy in use at this capacity and a larger one");
    const freed = mebibytes(saturation.prunableBytes);
    if (gain.low <= 0) {
      return noGain(
        `${freed} could be freed; as much more room would add ${gain.low.toFixed(2)} to ${gain.high.toFixed(2)} pp of hits (95 %, n ${count(gain.n)}), the ${saturation.pruneLossPp.toFixed(2)} pp lost with them taken off.`,
      );
    }
    const predicted = hitPredictions("cache-pruning", observed, {
      gainPp: { value: gain.value, low: gain.low, high: gain.high, level: 0.95 },
      n: gain.n,
      method: `hit ratios of the policy in use at several capacities on a sample of keys (n ${count(gain.n)}), read at ${freed} more room, less ${saturation.pruneLossPp.toFixed(2)} pp lost`,
      assumptions: [
        "pruned bytes serve as well as added ones",
        "they do not fill with answers of the same kind in the window",
      ],
      cost: "one pass over the index; can be undone until the next one",
    });
    if (!("predictions" in predicted)) return predicted;
    return {
      kind: "gain expected",
      ...predicted,
      change: { kind: "prune", neverHit: true },
      undo: { kind: "undo prune" },
      proof: CACHE_PROOF,
      costShare: COST_SHARE,
    };
  },
};

const Z_95 = 1.96;

/** Percentage points, by straight lines between the sizes that were simulated; undefined where the ends are not among them. */
function gainOfRoom(
  { sizes, prunableBytes, pruneLossPp }: Saturation,
  capacityBytes: number,
): { value: number; low: number; high: number; n: number } | undefined {
  const now = sizes.find((size) => size.capacityBytes === capacityBytes);
  const larger = sizes.find((size) => size.capacityBytes > capacityBytes);
  if (now === undefined || larger === undefined || now.n === 0) return undefined;
  const share = Math.min(1, prunableBytes / (larger.capacityBytes - capacityBytes));
  const rise = larger.hitRatio - now.hitRatio;
  const value = 100 * share * rise - pruneLossPp;
  // Both were asked the same questions and differ in those that only the larger one hits.
  const half = 100 * share * Z_95 * Math.sqrt(Math.max(0, rise * (1 - rise)) / now.n);
  return { value, low: value - half, high: value + half, n: now.n };
}
