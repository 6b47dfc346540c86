// Demand and delivery over a window.
import { type Figure, figure } from "../figure/figure.ts";
import { averageRps, peakRps } from "../window/arrival-rate.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { lengthS } from "../window/window.ts";
import { requestSource } from "./sources.ts";

export function throughputFigures(requests: RequestWindow): readonly Figure[] {
  const { window, n, arrivedMs, completionTokens } = requests;
  const shared = { n, window, source: requestSource };
  const peak = (id: "throughput.peak_rps_1s" | "throughput.peak_rps_10s" | "throughput.peak_rps_60s", spanS: number) =>
    figure({
      ...shared,
      id,
      value: peakRps(arrivedMs, spanS, window),
      method: "exact sliding maximum; none where the window is shorter than the interval",
    });
  return [
    figure({ ...shared, id: "requests.count", value: n === 0 ? undefined : n, method: "count" }),
    figure({
      ...shared,
      id: "throughput.avg_rps",
      value: averageRps(n, window),
      method: "arrivals divided by the length of the window",
    }),
    peak("throughput.peak_rps_1s", 1),
    peak("throughput.peak_rps_10s", 10),
    peak("throughput.peak_rps_60s", 60),
    figure({
      ...shared,
      id: "throughput.tokens_per_s",
      value: n === 0 || lengthS(window) <= 0 ? undefined : completionTokens / lengthS(window),
      method: "sum of completion tokens divided by the length of the window",
    }),
  ];
}
