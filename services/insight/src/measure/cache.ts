// What the cache saves and how full it is: hits as the router saw them, fill and evictions as the caches report them.
import { wilsonInterval } from "@chimera/kernel";
import { type Figure, figure } from "../figure/figure.ts";
import { type CacheSpan, growth } from "../window/cache-log.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { cacheSource, requestSource } from "./sources.ts";

export function cacheFigures(requests: RequestWindow, spans: readonly CacheSpan[]): readonly Figure[] {
  const { window, cacheHits: hits, cacheAsked: asked } = requests;
  const reports = spans.reduce((sum, span) => sum + span.samples.length, 0);
  const grown = spans.map((span) => growth(span.before === undefined ? span.samples : [span.before, ...span.samples]));
  const sumOf = (pick: (one: (typeof grown)[number]) => number) => grown.reduce((sum, one) => sum + pick(one), 0);
  const evictions = sumOf((one) => one.evictions);
  const added =
    evictions +
    Math.max(
      0,
      sumOf((one) => one.entries),
    );
  const ofReports = { n: reports, window, source: cacheSource };
  return [
    figure({
      id: "cache.hit_ratio",
      value: asked === 0 ? undefined : hits / asked,
      n: asked,
      window,
      interval: asked === 0 ? undefined : wilsonInterval(hits, asked),
      method: "proportion; Wilson 95 % interval",
      source: requestSource,
    }),
    figure({ ...ofReports, id: "cache.fill_ratio", value: fillRatio(spans), method: "last report of each cache" }),
    figure({
      ...ofReports,
      id: "cache.evictions",
      value: reports === 0 ? undefined : evictions,
      method: "growth of the counter; a counter that fell belongs to a cache that started again",
    }),
    figure({
      ...ofReports,
      id: "cache.eviction_share",
      value: added === 0 ? undefined : evictions / added,
      method: "growth of two counters; new answers = evictions + growth of entries",
    }),
    figure({
      ...ofReports,
      id: "cache.store_errors",
      value: reports === 0 ? undefined : sumOf((one) => one.storeErrors),
      method: "growth of the counter; a counter that fell belongs to a cache that started again",
    }),
  ];
}

function fillRatio(spans: readonly CacheSpan[]): number | undefined {
  const last = spans.flatMap((span) => span.samples.slice(-1));
  const capacity = last.reduce((sum, sample) => sum + sample.capacityBytes, 0);
  return capacity === 0 ? undefined : last.reduce((sum, sample) => sum + sample.bytes, 0) / capacity;
}
