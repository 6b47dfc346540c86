// The curves a report draws, each with its definition.
import { quantile } from "@chimera/kernel";
import { type Series, series } from "../figure/series.ts";
import { rateOverTime } from "../window/event-rate.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { answerSource, requestSource } from "./sources.ts";

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

/** Demand, and below it what was answered of it, each per second. */
export function rateCurves(requests: RequestWindow): readonly Series[] {
  const { window, arrivedMs, answeredMs } = requests;
  const curves = [
    {
      id: "demand.rps_over_time",
      name: "demand",
      timesMs: arrivedMs,
      definition: "Arrivals at the router, refused and failed ones included",
      source: requestSource,
    },
    {
      id: "throughput.answered_rps_over_time",
      name: "answered",
      timesMs: answeredMs,
      definition: "Answers that ended OK",
      source: answerSource,
    },
  ];
  return curves
    .filter(({ timesMs }) => timesMs.length > 0)
    .map(({ id, name, timesMs, definition, source }) =>
      series({
        ...{ id, name, window, source },
        xName: "Time since the window began",
        xUnit: "s",
        yName: "Requests",
        yUnit: "req/s",
        definition: `${definition}, per second, in equal intervals; each stands at its middle.`,
        n: timesMs.length,
        method: "count per interval divided by its length",
        points: rateOverTime(timesMs, window).map((bin) => ({ x: bin.atS, y: bin.rps })),
      }),
    )
    .filter(({ points }) => points.length > 0);
}
