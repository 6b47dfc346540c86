// The window a report is asked for, and what stands in for an end that was left open.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { isEpochMs, type Window } from "../window/window.ts";

export interface AskedWindow {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** An open start is the first event seen, an open end is now. Throws InvalidRequestError where it would end before it begins. */
export function resolveWindow(asked: AskedWindow, seen: { firstEventMs: number | undefined; nowMs: number }): Window {
  const violations: FieldViolation[] = [];
  for (const [field, value] of [["from", asked.fromMs] as const, ["to", asked.toMs] as const]) {
    if (value === undefined || isEpochMs(value)) continue;
    violations.push({ field, description: "is no time between 1970 and 9999; send one, or leave it out" });
  }
  if (violations.length > 0) throw new InvalidRequestError(violations);
  const toMs = asked.toMs ?? seen.nowMs;
  const fromMs = asked.fromMs ?? Math.min(seen.firstEventMs ?? toMs, toMs);
  if (fromMs > toMs) {
    const end = asked.toMs === undefined ? "now, which stands in for the end left open" : "to";
    throw new InvalidRequestError([
      { field: "from", description: `lies after ${end}; a window begins before it ends` },
    ]);
  }
  return { fromMs, toMs };
}
