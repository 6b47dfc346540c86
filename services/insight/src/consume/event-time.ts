// Reading what events carry: a field that is missing or no number makes the event unusable, never a made-up zero.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { isEpochMs } from "../window/window.ts";

/** Milliseconds since the epoch, with their fraction; undefined where unset or before 1970. */
export function eventTimeMs(timestamp: Timestamp | undefined): number | undefined {
  if (timestamp === undefined) return undefined;
  const ms = Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
  return isEpochMs(ms) ? ms : undefined;
}

export function isDuration(ms: number): boolean {
  return Number.isFinite(ms) && ms >= 0;
}
