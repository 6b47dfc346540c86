// Demand over time: arrivals per second, failed requests included, because a mesh that refuses half of its load still had it.
import { assert } from "@chimera/kernel";
import { lengthS, type Window } from "./window.ts";

/** Most intervals a plot of the rate is cut into; an interval is never shorter than a second. */
const MAX_BINS = 120;

/** Arrivals per second over the whole window; undefined where it has no length or nothing arrived. */
export function averageRps(arrivals: number, window: Window): number | undefined {
  return arrivals === 0 || lengthS(window) <= 0 ? undefined : arrivals / lengthS(window);
}

/**
 * Largest number of arrivals in any half-open interval of `spanS` seconds, per second. Sliding, not aligned to the clock:
 * the busiest interval always starts at an arrival, so looking at those starts is exact.
 * Undefined where nothing arrived or the window is shorter than the interval.
 */
export function peakRps(arrivedMs: Float64Array, spanS: number, window: Window): number | undefined {
  assert(spanS > 0, `a peak needs a positive span, got ${spanS}`);
  if (arrivedMs.length === 0 || lengthS(window) < spanS) return undefined;
  let most = 0;
  let first = 0;
  for (const [index, atMs] of arrivedMs.entries()) {
    while (atMs - (arrivedMs[first] ?? atMs) >= spanS * 1000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most / spanS;
}

/** Rate in equal intervals that fill the window exactly; `atS` is the middle of each, in seconds since the window's start. */
export function rateOverTime(arrivedMs: Float64Array, window: Window): readonly { atS: number; rps: number }[] {
  const totalS = lengthS(window);
  if (arrivedMs.length === 0 || totalS <= 0) return [];
  const bins = Math.min(MAX_BINS, Math.max(1, Math.floor(totalS)));
  const binS = totalS / bins;
  const counts = new Uint32Array(bins);
  for (const atMs of arrivedMs) {
    const bin = Math.min(bins - 1, Math.floor((atMs - window.fromMs) / 1000 / binS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return Array.from(counts, (count, bin) => ({ atS: (bin + 0.5) * binS, rps: count / binS }));
}
