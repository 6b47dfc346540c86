// Turns words of the command line into values. A wrong one is told with what would be right.
import { InvalidArgumentError } from "commander";

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    return value;
  };
}

export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Give a number from ${min} to ${max}.`);
    return value;
  };
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment as ISO 8601, or as an age such as 90s, 15m, 2h, 1d. Returns milliseconds since the epoch. */
export function moment(nowMs: () => number): (text: string) => number {
  return (text) => {
    const age = /^(\d+)([smhd])$/.exec(text);
    const unitMs = UNITS_MS[age?.[2] ?? ""];
    if (age && unitMs !== undefined) return nowMs() - Number(age[1]) * unitMs;
    const atMs = Date.parse(text);
    if (Number.isNaN(atMs))
      throw new InvalidArgumentError("Give an ISO time such as 2026-01-31T12:00:00Z, or an age such as 15m.");
    return atMs;
  };
}
