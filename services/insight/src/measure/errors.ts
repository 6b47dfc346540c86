// Requests that did not end well, in all and by status.
import { type Figure, figure } from "../figure/figure.ts";
import { grpcStatuses } from "../window/grpc-status.ts";
import type { RequestWindow } from "../window/request-window.ts";
import { requestSource } from "./sources.ts";

/** The total, then one figure for every status other than OK that occurred. */
export function errorFigures(requests: RequestWindow): readonly Figure[] {
  const { n, window, statuses } = requests;
  const shared = { n, window, method: "count", source: requestSource };
  const fine = (statuses.get("OK") ?? 0) + (statuses.get("CANCELLED") ?? 0);
  const figures = [figure({ ...shared, id: "errors.count", value: n === 0 ? undefined : n - fine })];
  for (const status of grpcStatuses) {
    const count = statuses.get(status);
    if (status === "OK" || count === undefined) continue;
    figures.push(figure({ ...shared, id: `errors.by_status.${status}`, value: count }));
  }
  return figures;
}
