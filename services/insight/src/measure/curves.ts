// The curves a report draws, each with its definition.
import { quantile } from "@chimera/kernel";
import { type Series, series } from "../figure/series.ts";
import { rateOverTime } from "../window/arrival-rate.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { requestSource } from "./sources.ts";

/** Shares of a distribution that are drawn: every percent, and finer where the tail bends. */
const SHARES: readonly number[] = [...Array.from({ length: 100 }, (_, index) => index / 100), 0.995, 0.999, 1];

/** Distribution of TTFT: all requests, then hits and misses where there are any. */
export function ttftCurves(requests: RequestWindow): readonly Series[] {
  const groups = [
    { id: "ttft.cdf_all", name: "all requests", sorted: requests.ttftMs },
    { id: "ttft.cdf_hit", name: "cache hits", sorted: requests.ttftHitMs },
    { id: "ttft.cdf_miss", name: "cache misses", sorted: requests.ttftMissMs },
  ];
  return groups
    .filter((group) => group.sorted.length > 0)
    .map(({ id, name, sorted }) =>
      series({
        id,
        name,
        xName: "TTFT",
        xUnit: "ms",
        yName: "Share of requests at or below",
        yUnit: "ratio",
        definition: "Share of the requests of the window whose time to first token was at most this long.",
        n: sorted.length,
        window: requests.window,
        method: "quantiles by linear interpolation between closest ranks",
        source: requestSource,
        points: SHARES.map((share) => ({ x: quantile(sorted, share), y: share })),
      }),
    );
}

export function rateCurve(requests: RequestWindow): Series | undefined {
  const bins = rateOverTime(requests.arrivedMs, requests.window);
  if (bins.length === 0) return undefined;
  return series({
    id: "throughput.rps_over_time",
    name: "arrivals",
    xName: "Time since the window began",
    xUnit: "s",
    yName: "Arrivals",
    yUnit: "req/s",
    definition:
      "Arrivals at the router, failed ones included, per second, in equal intervals; each stands at its middle.",
    n: requests.n,
    window: requests.window,
    method: "count per interval divided by its length",
    source: requestSource,
    points: bins.map((bin) => ({ x: bin.atS, y: bin.rps })),
  });
}
