// Whether the figures can be trusted: what is known to be lost, and two checks that lost or wrong events would fail.

import type { Records } from "../consume/records.ts";
import { type Figure, figure } from "../figure/figure.ts";
import { type CacheSpan, growth } from "../window/cache-log.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { contains, lengthS } from "../window/window.ts";
import { cacheSource, requestSource, streamSource } from "./sources.ts";

export interface Observed {
  readonly records: Records;
  readonly requests: RequestWindow;
  readonly caches: readonly CacheSpan[];
  readonly nowMs: number;
}

export function telemetryFigures({ records, requests, caches, nowMs }: Observed): readonly Figure[] {
  const { window } = requests;
  const { received, firstEventMs } = records.intake;
  const sinceStart = { fromMs: Math.min(firstEventMs ?? nowMs, nowMs), toMs: nowMs };
  const taken = records.requests.size + records.requests.dropped;
  return [
    figure({
      id: "telemetry.events_dropped",
      value: received === 0 ? undefined : records.intake.lost(nowMs),
      n: received,
      window: sinceStart,
      method: "count; none while history is being read",
      source: streamSource,
    }),
    figure({
      id: "telemetry.records_dropped",
      value: taken === 0 ? undefined : records.requests.dropped,
      n: taken,
      window: sinceStart,
      method: "count",
      source: "the bounded record of requests",
    }),
    figure({
      id: "telemetry.littles_law_gap",
      value: littlesLawGap(requests),
      n: requests.n,
      window,
      method: "L by summing time in flight inside the window; λ and W from the window's arrivals (Little 1961)",
      source: requestSource,
    }),
    lookupGap(records, requests, caches),
  ];
}

/** |L - lambda W| / L. The length of the window cancels out. */
function littlesLawGap(requests: RequestWindow): number | undefined {
  if (requests.n === 0 || lengthS(requests.window) <= 0 || requests.inFlightSumMs === 0) return undefined;
  return Math.abs(requests.inFlightSumMs - requests.turnSumMs) / requests.inFlightSumMs;
}

/**
 * The caches count lookups on their own, so they tell of request events that never came. Only one cache can be checked:
 * counters of several are read at different moments.
 */
function lookupGap(records: Records, requests: RequestWindow, spans: readonly CacheSpan[]): Figure {
  const settled = spans.length === 1 ? settledSamples(spans[0]?.samples ?? [], requests) : [];
  const first = settled[0];
  const last = settled.at(-1);
  const counted = growth(settled).lookups;
  let told = 0;
  if (first !== undefined && last !== undefined) {
    const between = { fromMs: first.atMs, toMs: last.atMs };
    for (const sample of records.requests) {
      if ((sample.cache === "hit" || sample.cache === "miss") && contains(between, sample.arrivedMs)) told += 1;
    }
  }
  return figure({
    id: "telemetry.lookup_gap",
    value: counted === 0 ? undefined : Math.max(0, 1 - told / counted),
    n: counted,
    window: requests.window,
    method: "1 - lookups told of by request events / growth of the cache's own counters; needs exactly one cache",
    source: `${cacheSource}; ${requestSource}`,
  });
}

/** Samples old enough that a request which arrived before them has ended, if it took no longer than the slowest seen. */
function settledSamples(samples: CacheSpan["samples"], requests: RequestWindow): CacheSpan["samples"] {
  const slowestMs = requests.turnMs.at(-1) ?? 0;
  const horizonMs = (samples.at(-1)?.atMs ?? 0) - slowestMs;
  return samples.filter((sample) => sample.atMs <= horizonMs);
}
