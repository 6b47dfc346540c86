// Signs that more arrives than the mesh can take.
import { wilsonInterval } from "@chimera/kernel";
import { type Figure, figure } from "../figure/figure.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { quantileFigure } from "./latency.ts";
import { requestSource } from "./sources.ts";

export function overloadFigures(requests: RequestWindow): readonly Figure[] {
  const { n, window, refused } = requests;
  return [
    figure({
      id: "overload.refused_of_demand",
      value: n === 0 ? undefined : refused / n,
      n,
      window,
      interval: n === 0 ? undefined : wilsonInterval(refused, n),
      method: "proportion; Wilson 95 % interval",
      source: requestSource,
    }),
    quantileFigure({ id: "overload.wait_share_p95", sorted: requests.waitShare, p: 0.95, window }),
  ];
}
