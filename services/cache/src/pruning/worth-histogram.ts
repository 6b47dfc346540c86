// Entries by their worth in buckets on a logarithmic scale: which ones are the least worth, without sorting a million of them.
// Two entries in one bucket differ by at most 2.2 % and count as equal.

const BUCKETS_PER_OCTAVE = 32;
const LOWEST_OCTAVE = -64;
const OCTAVES = 128;
const BUCKETS = OCTAVES * BUCKETS_PER_OCTAVE;

/** 0 is for what is worth nothing. */
export function bucketOf(worth: number): number {
  if (!(worth > 0)) return 0;
  const bucket = Math.floor((Math.log2(worth) - LOWEST_OCTAVE) * BUCKETS_PER_OCTAVE);
  return Math.min(BUCKETS - 1, Math.max(0, bucket));
}

/** Everything in buckets below `bucket`, and of that one so many bytes. */
export interface Cut {
  bucket: number;
  bytesOfBucket: number;
}

export class WorthHistogram {
  readonly #bytes = new Float64Array(BUCKETS);
  #total = 0;

  get bytes(): number {
    return this.#total;
  }

  add(bucket: number, bytes: number): void {
    this.#bytes[bucket] = (this.#bytes[bucket] ?? 0) + bytes;
    this.#total += bytes;
  }

  /** The least worth of so many bytes; everything where there are not so many. */
  lowest(bytes: number): Cut {
    let left = Math.min(bytes, this.#total);
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const inBucket = this.#bytes[bucket] ?? 0;
      if (left <= inBucket) return { bucket, bytesOfBucket: left };
      left -= inBucket;
    }
    return { bucket: BUCKETS, bytesOfBucket: 0 };
  }
}
