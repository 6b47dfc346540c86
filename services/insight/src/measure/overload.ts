// Signs that more arrives than the mesh can take.
import { wilsonInterval } from "@chimera/kernel";
import { type Figure, figure } from "../figure/figure.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { quantileFigure } from "./latency.ts";
import { requestSource } from "./sources.ts";

export function overloadFigures(requests: RequestWindow): readonly Figure[] {
  const { n, window, statuses } = requests;
  const refused = (statuses.get("UNAVAILABLE") ?? 0) + (statuses.get("RESOURCE_EXHAUSTED") ?? 0);
  return [
    figure({
      id: "overload.refused_share",
      value: n === 0 ? undefined : refused / n,
      n,
      window,
      interval: n === 0 ? undefined : wilsonInterval(refused, n),
      method: "proportion; Wilson 95 % interval",
      source: requestSource,
    }),
    quantileFigure({ id: "overload.queue_share_p95", sorted: requests.queueShare, p: 0.95, window }),
  ];
}
