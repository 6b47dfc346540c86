// ADWIN2 (Bifet and Gavaldà 2007): a window over a stream that grows while its mean stays and drops its older part when two
// parts differ by more than chance. Defaults and cut rule are those of river.
import { assert } from "@chimera/kernel";

export interface AdwinOptions {
  /** Chance of a false cut. */
  delta?: number;
  /** Values between two checks. */
  clock?: number;
  /** Buckets of one size before two are merged. */
  maxBuckets?: number;
  /** Smallest part of the window that is compared. */
  minWindow?: number;
  /** No check before this many values. */
  gracePeriod?: number;
}

interface Bucket {
  n: number;
  sum: number;
  /** Sum of squared deviations from the bucket's mean. */
  squares: number;
}

/** Sizes are powers of two: 2^40 values are more than a process sees. */
const MAX_ROWS = 40;

export class Adwin {
  readonly #delta: number;
  readonly #clock: number;
  readonly #maxBuckets: number;
  readonly #minWindow: number;
  readonly #gracePeriod: number;
  // Row r holds buckets of 2^r values, the oldest first; at most maxBuckets + 1 in each of 40 rows.
  #rows: Bucket[][] = [[]];
  #ticks = 0;

  constructor({ delta = 0.002, clock = 32, maxBuckets = 5, minWindow = 5, gracePeriod = 10 }: AdwinOptions = {}) {
    assert(
      delta > 0 && delta < 1 && maxBuckets >= 2,
      `needs 0 < delta < 1 and maxBuckets >= 2, got ${delta}, ${maxBuckets}`,
    );
    this.#delta = delta;
    this.#clock = clock;
    this.#maxBuckets = maxBuckets;
    this.#minWindow = minWindow;
    this.#gracePeriod = gracePeriod;
  }

  /** Values in the window. */
  get width(): number {
    return total(this.#oldestFirst()).n;
  }

  /** Mean of the window; NaN while it is empty. */
  get mean(): number {
    const { n, sum } = total(this.#oldestFirst());
    return sum / n;
  }

  get buckets(): number {
    return this.#rows.reduce((sum, row) => sum + row.length, 0);
  }

  /** Whether the mean has changed; the window then holds what came after the change. */
  add(value: number): boolean {
    this.#rows[0]?.push({ n: 1, sum: value, squares: 0 });
    this.#compress();
    this.#ticks += 1;
    if (this.#ticks % this.#clock !== 0 || this.width <= this.#gracePeriod) return false;
    let changed = false;
    while (this.#hasCut()) {
      this.#dropOldest();
      changed = true;
    }
    return changed;
  }

  #compress(): void {
    for (let r = 0; r < MAX_ROWS; r++) {
      const row = this.#rows[r];
      if (row === undefined || row.length <= this.#maxBuckets) return;
      const [older, newer] = row.splice(0, 2);
      const next = this.#rows[r + 1] ?? [];
      this.#rows[r + 1] = next;
      if (older && newer) next.push(merged(older, newer));
    }
  }

  #hasCut(): boolean {
    const buckets = this.#oldestFirst();
    const all = total(buckets);
    let [n, sum] = [0, 0];
    for (const bucket of buckets) {
      n += bucket.n;
      sum += bucket.sum;
      const rest = all.n - n;
      if (n < this.#minWindow) continue;
      if (rest < this.#minWindow) return false;
      if (Math.abs(sum / n - (all.sum - sum) / rest) > this.#bound({ n, rest, all })) return true;
    }
    return false;
  }

  /** √(2/m v ln(2/δ')) + 2/(3 m) ln(2/δ'), m the harmonic mean of both parts, δ' = δ / ln(width). */
  #bound({ n, rest, all }: { n: number; rest: number; all: Bucket }): number {
    const logTerm = Math.log((2 * Math.log(all.n)) / this.#delta);
    const inverse = 1 / (n - this.#minWindow + 1) + 1 / (rest - this.#minWindow + 1);
    return Math.sqrt(2 * inverse * (all.squares / all.n) * logTerm) + (2 / 3) * logTerm * inverse;
  }

  #dropOldest(): void {
    const row = this.#rows.findLast(({ length }) => length > 0);
    row?.shift();
  }

  #oldestFirst(): Bucket[] {
    return this.#rows.toReversed().flat();
  }
}

function merged(a: Bucket, b: Bucket): Bucket {
  if (a.n === 0) return b;
  const n = a.n + b.n;
  const gap = a.sum / a.n - b.sum / b.n;
  return { n, sum: a.sum + b.sum, squares: a.squares + b.squares + ((a.n * b.n) / n) * gap * gap };
}

function total(buckets: readonly Bucket[]): Bucket {
  return buckets.reduce(merged, { n: 0, sum: 0, squares: 0 });
}
