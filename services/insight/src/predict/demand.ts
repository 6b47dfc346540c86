// What was asked of the engines: arrivals, whatever became of them. Completions never say how much was wanted.
import type { LoggedRequest } from "./observed.ts";

export interface EngineDemand {
  readonly avgRps: number;
  /** Most arrivals in any 10 s. */
  readonly peakRps: number;
  readonly n: number;
}

const PEAK_MS = 10_000;

/** Requests by arrival; what the cache answered or another request's answer did is no demand on an engine. */
export function engineDemand(requests: readonly LoggedRequest[], windowMs: number): EngineDemand {
  const arrivals = requests.filter(({ cache }) => cache !== "hit" && cache !== "joined");
  let [oldest, most] = [0, 0];
  for (const [newest, { arrivedMs }] of arrivals.entries()) {
    while (arrivedMs - (arrivals[oldest]?.arrivedMs ?? 0) > PEAK_MS) oldest += 1;
    most = Math.max(most, newest - oldest + 1);
  }
  return {
    avgRps: (1000 * arrivals.length) / Math.max(1, windowMs),
    peakRps: (1000 * most) / Math.min(PEAK_MS, Math.max(1, windowMs)),
    n: arrivals.length,
  };
}
