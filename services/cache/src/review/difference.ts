// Differences of two shares with their intervals.
import { type IntervalEstimate, normalQuantile, wilsonInterval } from "@chimera/kernel";

export interface Share {
  hits: number;
  n: number;
}

export interface Difference extends IntervalEstimate {
  value: number;
}

/**
 * a − b with Newcombe's interval (1998, method 10, from two Wilson intervals). Taken for shares of one sample as well, where it is
 * too wide, because both hit mostly the same requests: a difference it shows is there.
 */
export function differenceOfShares(a: Share, b: Share): Difference {
  const [pa, pb] = [ratio(a), ratio(b)];
  const [ia, ib] = [wilsonInterval(a.hits, a.n), wilsonInterval(b.hits, b.n)];
  const value = pa - pb;
  return {
    value,
    low: value - Math.hypot(pa - ia.low, ib.high - pb),
    high: value + Math.hypot(ia.high - pa, pb - ib.low),
    level: ia.level,
  };
}

const LEVEL = 0.95;

/**
 * Difference of two shares of the same n trials, from those that came out differently: Wald's interval for paired shares with one
 * half added to each of the four cells (Agresti and Min 2005).
 */
export function pairedDifference({ gained, lost, n }: { gained: number; lost: number; n: number }): Difference {
  const [g, l, m] = [gained + 0.5, lost + 0.5, n + 2];
  const half = (normalQuantile(1 - (1 - LEVEL) / 2) * Math.sqrt(g + l - (g - l) ** 2 / m)) / m;
  const centre = (g - l) / m;
  return { value: n === 0 ? 0 : (gained - lost) / n, low: centre - half, high: centre + half, level: LEVEL };
}

function ratio({ hits, n }: Share): number {
  return n === 0 ? 0 : hits / n;
}
