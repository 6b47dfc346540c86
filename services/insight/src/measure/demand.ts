// What was asked of the mesh over a window, whatever became of it: a mesh that refuses half of its load still had it.
import { type Figure, figure } from "../figure/figure.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { requestSource } from "./sources.ts";
import { rateFigures } from "./throughput.ts";

export function demandFigures(requests: RequestWindow): readonly Figure[] {
  const { window, n, arrivedMs } = requests;
  const ids = {
    average: "demand.avg_rps",
    peaks: ["demand.peak_rps_1s", "demand.peak_rps_10s", "demand.peak_rps_60s"],
  } as const;
  return [
    figure({
      id: "requests.count",
      value: n === 0 ? undefined : n,
      n,
      window,
      method: "count",
      source: requestSource,
    }),
    ...rateFigures(ids, { timesMs: arrivedMs, requests, source: requestSource }),
  ];
}
