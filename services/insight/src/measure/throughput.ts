// What was delivered over a window: answers and tokens.
import type { FigureId } from "../figure/definitions.ts";
import { type Figure, figure } from "../figure/figure.ts";
import { averageRps, peakRps } from "../window/event-rate.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { lengthS } from "../window/window.ts";
import { answerSource, requestSource } from "./sources.ts";

export function throughputFigures(requests: RequestWindow): readonly Figure[] {
  const { window, n, answeredMs, completionTokens } = requests;
  const ids = {
    average: "throughput.answered_avg_rps",
    peaks: ["throughput.answered_peak_rps_1s", "throughput.answered_peak_rps_10s", "throughput.answered_peak_rps_60s"],
  } as const;
  return [
    ...rateFigures(ids, { timesMs: answeredMs, requests, source: answerSource }),
    figure({
      id: "throughput.tokens_per_s",
      value: n === 0 || lengthS(window) <= 0 ? undefined : completionTokens / lengthS(window),
      n,
      window,
      method: "sum of completion tokens divided by the length of the window",
      source: requestSource,
    }),
  ];
}

export interface RateIds {
  average: FigureId;
  /** Over 1, 10 and 60 s. */
  peaks: readonly [FigureId, FigureId, FigureId];
}

/** The average and the peaks of what happened at `timesMs`, ascending. */
export function rateFigures(
  { average, peaks: [one, ten, sixty] }: RateIds,
  of: { timesMs: Float64Array; requests: RequestWindow; source: string },
): readonly Figure[] {
  const { timesMs, source } = of;
  const { window } = of.requests;
  const shared = { n: timesMs.length, window, source };
  const peak = (id: FigureId, spanS: number) =>
    figure({
      ...shared,
      id,
      value: peakRps(timesMs, spanS, window),
      method: "exact sliding maximum; none where the window is shorter than the interval",
    });
  return [
    figure({
      ...shared,
      id: average,
      value: averageRps(timesMs.length, window),
      method: "count divided by the length of the window",
    }),
    peak(one, 1),
    peak(ten, 10),
    peak(sixty, 60),
  ];
}
