// The requests that trials are judged by.
import type { RequestRing, RequestSample } from "../window/request-ring.ts";
import { contains, type Window } from "../window/window.ts";

export interface Traffic {
  /** Those that arrived in the window. */
  within(window: Window): readonly RequestSample[];
  /** Those that finished since, in that order; `mark` is where the next look begins, 0 the first. */
  since(mark: number): { readonly samples: Iterable<RequestSample>; readonly mark: number };
}

export function trafficOf(ring: RequestRing): Traffic {
  return {
    within: (window) => [...ring].filter(({ arrivedMs }) => contains(window, arrivedMs)),
    since: (mark) => ({ samples: [...ring.since(mark)], mark: ring.pushed }),
  };
}
