// A stretch of wall time that figures are measured over. Both ends belong to it.

export interface Window {
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Latest time a timestamp can hold: the end of the year 9999. */
const LATEST_MS = 253_402_300_799_999;

/** Whether a protobuf timestamp of this time exists, from 1970 on. */
export function isEpochMs(ms: number): boolean {
  return ms >= 0 && ms <= LATEST_MS;
}

export function contains(window: Window, atMs: number): boolean {
  return atMs >= window.fromMs && atMs <= window.toMs;
}

export function lengthS(window: Window): number {
  return (window.toMs - window.fromMs) / 1000;
}

/** The halves share no millisecond. */
export function firstHalf({ fromMs, toMs }: Window): Window {
  return { fromMs, toMs: Math.max(fromMs, middleOf({ fromMs, toMs }) - 1) };
}

export function secondHalf({ fromMs, toMs }: Window): Window {
  return { fromMs: middleOf({ fromMs, toMs }), toMs };
}

function middleOf({ fromMs, toMs }: Window): number {
  return Math.ceil((fromMs + toMs) / 2);
}
