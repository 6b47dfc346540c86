// The engine as simulations of waiting need it: how many slots, how much those that run together slow each other down, and the log
// with the times that each request would have taken alone.
import type { LoggedRequest, Observed } from "../predict/observed.ts";
import { measureSlowdown } from "../predict/slowdown.ts";
import type { Engine } from "../predict/waiting.ts";

export interface KnownEngine {
  readonly engine: Engine | undefined;
  readonly requests: readonly LoggedRequest[];
}

/** No engine where nobody knows the slots: then nobody waits longer or shorter than was measured. */
export function engineOf({ capacity, requests }: Pick<Observed, "capacity" | "requests">): KnownEngine {
  if (capacity === undefined) return { engine: undefined, requests };
  const { perRequest, alone } = measureSlowdown(requests);
  const speedAt = (running: number) => 1 / (1 + perRequest * (running - 1));
  return { engine: { slots: capacity.slots, speedAt }, requests: alone };
}
