// Three percentiles of values as they are, without sorting all of them: a snapshot of a busy minute is taken several times a second.

/** The window that statistics look back over. */
export const WINDOW_MS = 60_000;

export const PERCENTILES = [0.5, 0.95, 0.99] as const;

export interface QuantileRow {
  n: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export const NO_QUANTILES: QuantileRow = { n: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 };

/** Linear interpolation between closest ranks (Hyndman and Fan type 7). Reorders `values`. */
export function quantilesOf(values: Float64Array): QuantileRow {
  const n = values.length;
  if (n === 0) return NO_QUANTILES;
  const found = [0, 0, 0];
  let from = 0;
  for (const [index, p] of PERCENTILES.entries()) {
    const position = p * (n - 1);
    const rank = Math.floor(position);
    // What is left of the last rank is smaller already.
    select(values, rank, from);
    const low = values[rank] ?? Number.NaN;
    const high = rank + 1 < n ? smallest(values, rank + 1) : low;
    found[index] = low + (high - low) * (position - rank);
    from = rank;
  }
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = found;
  return { n, p50Ms, p95Ms, p99Ms };
}

/** Puts the value of that rank in its place, smaller ones before it and larger ones behind it (Hoare 1961). */
function select(values: Float64Array, rank: number, from: number): void {
  let low = from;
  let high = values.length - 1;
  while (low < high) {
    const pivot = middleOf(values[low], values[(low + high) >> 1], values[high]);
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] ?? pivot) < pivot) i += 1;
      while ((values[j] ?? pivot) > pivot) j -= 1;
      if (i > j) break;
      const swapped = values[i] ?? 0;
      values[i] = values[j] ?? 0;
      values[j] = swapped;
      i += 1;
      j -= 1;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else return;
  }
}

function middleOf(a = 0, b = 0, c = 0): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function smallest(values: Float64Array, from: number): number {
  let least = values[from] ?? Number.NaN;
  for (let index = from + 1; index < values.length; index += 1) least = Math.min(least, values[index] ?? least);
  return least;
}
