// Quantiles of the times a client waits.
import { quantile, quantileInterval } from "@chimera/kernel";
import type { FigureId } from "../figure/definitions.ts";
import { type Figure, figure } from "../figure/figure.ts";
import type { RequestWindow } from "../window/request-window.ts";
import type { Window } from "../window/window.ts";
import { requestSource } from "./sources.ts";

export function latencyFigures(requests: RequestWindow): readonly Figure[] {
  const { window } = requests;
  return [
    quantileFigure({ id: "ttft.p50_ms", sorted: requests.ttftMs, p: 0.5, window }),
    quantileFigure({ id: "ttft.p95_ms", sorted: requests.ttftMs, p: 0.95, window }),
    quantileFigure({ id: "ttft.p99_ms", sorted: requests.ttftMs, p: 0.99, window }),
    quantileFigure({ id: "ttft.hit_p50_ms", sorted: requests.ttftHitMs, p: 0.5, window }),
    quantileFigure({ id: "ttft.miss_p50_ms", sorted: requests.ttftMissMs, p: 0.5, window }),
    quantileFigure({ id: "turn.p50_ms", sorted: requests.turnMs, p: 0.5, window }),
    quantileFigure({ id: "turn.p95_ms", sorted: requests.turnMs, p: 0.95, window }),
  ];
}

/** The p-quantile of ascending values, with its interval where the sample brackets it. */
export function quantileFigure(of: { id: FigureId; sorted: Float64Array; p: number; window: Window }): Figure {
  const { id, sorted, p, window } = of;
  return figure({
    id,
    value: sorted.length === 0 ? undefined : quantile(sorted, p),
    n: sorted.length,
    window,
    interval: sorted.length === 0 ? undefined : quantileInterval(sorted, p),
    method: "linear interpolation between closest ranks; 95 % interval from order statistics",
    source: requestSource,
  });
}
