// Events per second over a window: arrivals are demand, answers that ended well are throughput.
import { assert } from "@chimera/kernel";
import { lengthS, type Window } from "./window.ts";

/** Most intervals a plot of the rate is cut into; an interval is never shorter than a second. */
const MAX_BINS = 120;

/** Events per second over the whole window; undefined where it has no length or nothing happened. */
export function averageRps(events: number, window: Window): number | undefined {
  return events === 0 || lengthS(window) <= 0 ? undefined : events / lengthS(window);
}

/**
 * Largest number of events in any half-open interval of `spanS` seconds, per second. Sliding, not aligned to the clock:
 * the busiest interval always starts at an event, so looking at those starts is exact. `timesMs` ascending.
 * Undefined where nothing happened or the window is shorter than the interval.
 */
export function peakRps(timesMs: Float64Array, spanS: number, window: Window): number | undefined {
  assert(spanS > 0, `a peak needs a positive span, got ${spanS}`);
  if (timesMs.length === 0 || lengthS(window) < spanS) return undefined;
  let most = 0;
  let first = 0;
  for (const [index, atMs] of timesMs.entries()) {
    while (atMs - (timesMs[first] ?? atMs) >= spanS * 1000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most / spanS;
}

/** Rate in equal intervals that fill the window exactly; `atS` is the middle of each, in seconds since the window's start. */
export function rateOverTime(timesMs: Float64Array, window: Window): readonly { atS: number; rps: number }[] {
  const totalS = lengthS(window);
  if (timesMs.length === 0 || totalS <= 0) return [];
  const bins = Math.min(MAX_BINS, Math.max(1, Math.floor(totalS)));
  const binS = totalS / bins;
  const counts = new Uint32Array(bins);
  for (const atMs of timesMs) {
    const bin = Math.min(bins - 1, Math.floor((atMs - window.fromMs) / 1000 / binS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return Array.from(counts, (count, bin) => ({ atS: (bin + 0.5) * binS, rps: count / binS }));
}
