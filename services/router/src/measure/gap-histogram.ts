// The gaps between deltas over the last minute, one per token: counts in buckets that grow by a constant factor, as in DDSketch
// (Masson, Rim, Lee 2019). Own code, because the published sketches can not let go of what is older than a minute, and allocate.
import { NO_QUANTILES, PERCENTILES, type QuantileRow } from "./quantiles.ts";

/** How far a percentile may be from that of the gaps as they were. */
export const RELATIVE_ERROR = 0.01;
/** Shorter gaps count as none, longer ones as this long. */
const SHORTEST_MS = 0.001;
const LONGEST_MS = 3_600_000;

const GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const PER_LOG = 1 / Math.log(GROWTH);
const FIRST = Math.ceil(Math.log(SHORTEST_MS) * PER_LOG) - 1;
const BUCKETS = Math.ceil(Math.log(LONGEST_MS) * PER_LOG) - FIRST + 1;

/** Old gaps are let go of in steps of this. Twelve slices cover the last 55 to 60 s. */
const SLICE_MS = 5000;
const SLICES = 12;

/** 0 for gaps too short to tell. */
export function bucketOf(gapMs: number): number {
  if (!(gapMs > SHORTEST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(gapMs) * PER_LOG) - FIRST);
}

/** In the middle of the bucket, as far from either end in proportion. */
function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : (2 * GROWTH ** (bucket + FIRST)) / (GROWTH + 1);
}

export const sliceOf = (nowMs: number) => Math.floor(nowMs / SLICE_MS);

/** 4.4 KB for each slice that saw a gap, and as much for their sum: 58 KB at most. */
export class GapHistogram {
  readonly #slices: (Uint32Array | undefined)[] = new Array(SLICES).fill(undefined);
  readonly #sum = new Uint32Array(BUCKETS);
  #n = 0;
  #newest = 0;

  add(bucket: number, count: number, slice: number): void {
    if (slice !== this.#newest) this.#advance(slice);
    const counts = this.#slices[this.#newest % SLICES] ?? this.#open(this.#newest % SLICES);
    counts[bucket] = (counts[bucket] ?? 0) + count;
    this.#sum[bucket] = (this.#sum[bucket] ?? 0) + count;
    this.#n += count;
  }

  /** Linear interpolation between closest ranks, each rank within the relative error. */
  quantiles(slice: number): QuantileRow {
    this.#advance(slice);
    const n = this.#n;
    if (n === 0) return NO_QUANTILES;
    const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = PERCENTILES.map((p) => {
      const position = p * (n - 1);
      const rank = Math.floor(position);
      const low = this.#atRank(rank);
      return low + (this.#atRank(Math.min(rank + 1, n - 1)) - low) * (position - rank);
    });
    return { n, p50Ms, p95Ms, p99Ms };
  }

  #open(place: number): Uint32Array {
    const counts = new Uint32Array(BUCKETS);
    this.#slices[place] = counts;
    return counts;
  }

  #atRank(rank: number): number {
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      below += this.#sum[bucket] ?? 0;
      if (below > rank) return middleOf(bucket);
    }
    return Number.NaN;
  }

  #advance(slice: number): void {
    const first = Math.max(this.#newest + 1, slice - SLICES + 1);
    for (let passed = first; passed <= slice; passed += 1) this.#forget(this.#slices[passed % SLICES]);
    this.#newest = Math.max(this.#newest, slice);
  }

  #forget(counts: Uint32Array | undefined): void {
    if (!counts) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = counts[bucket] ?? 0;
      if (count === 0) continue;
      this.#sum[bucket] = (this.#sum[bucket] ?? 0) - count;
      this.#n -= count;
    }
    counts.fill(0);
  }
}
