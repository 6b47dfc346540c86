// Figures of a window that reaches back to requests whose single records were let go: the same definitions, from counts and
// sketches of whole minutes. Peaks and answered rates need single records and are left to those.
import { wilsonInterval } from "@chimera/kernel";
import type { FigureId } from "../figure/definitions.ts";
import { type Figure, figure } from "../figure/figure.ts";
import { type QuantileSketch, RELATIVE_ERROR } from "../window/quantile-sketch.ts";
import { coveredWindow, mergedCell, type TrafficBlock } from "../window/traffic-log.ts";
import { lengthS, type Window } from "../window/window.ts";
import { requestSource } from "./sources.ts";

const BY_MINUTE = "counted by the minute of arrival; the window is of whole minutes";
const SKETCHED = `quantile sketch, relative error at most ${RELATIVE_ERROR * 100} %; 95 % interval from order statistics`;

export function longWindowFigures(blocks: readonly TrafficBlock[], asked: Window): readonly Figure[] {
  const window = coveredWindow(blocks, asked);
  const seconds = lengthS(window);
  const all = mergedCell(blocks);
  const hits = mergedCell(blocks, ({ cache }) => cache === "hit");
  const misses = mergedCell(blocks, ({ cache }) => cache === "miss");
  const counted = { n: all.n, window, method: BY_MINUTE, source: requestSource };
  const perSecond = (count: number) => (all.n === 0 || seconds <= 0 ? undefined : count / seconds);
  const share = (id: FigureId, successes: number, n: number) =>
    figure({
      ...{ id, n, window, source: requestSource },
      value: n === 0 ? undefined : successes / n,
      interval: n === 0 ? undefined : wilsonInterval(successes, n),
      method: `proportion, ${BY_MINUTE}; Wilson 95 % interval`,
    });
  const quantileOf = (id: FigureId, sketch: QuantileSketch, p: number) =>
    figure({
      ...{ id, n: sketch.n, window, method: SKETCHED, source: requestSource },
      value: sketch.n === 0 ? undefined : sketch.quantile(p),
      interval: sketch.n === 0 ? undefined : sketch.interval(p),
    });
  return [
    figure({ ...counted, id: "requests.count", value: all.n === 0 ? undefined : all.n }),
    figure({ ...counted, id: "demand.avg_rps", value: perSecond(all.n) }),
    figure({ ...counted, id: "throughput.tokens_per_s", value: perSecond(all.completionTokens) }),
    figure({ ...counted, id: "errors.count", value: all.n === 0 ? undefined : all.failed }),
    share("overload.refused_of_demand", all.refused, all.n),
    share("cache.hit_ratio", hits.n, hits.n + misses.n),
    quantileOf("ttft.p50_ms", all.ttftMs, 0.5),
    quantileOf("ttft.p95_ms", all.ttftMs, 0.95),
    quantileOf("ttft.p99_ms", all.ttftMs, 0.99),
    quantileOf("ttft.hit_p50_ms", hits.ttftMs, 0.5),
    quantileOf("ttft.miss_p50_ms", misses.ttftMs, 0.5),
    quantileOf("turn.p50_ms", all.turnMs, 0.5),
    quantileOf("turn.p95_ms", all.turnMs, 0.95),
  ];
}
