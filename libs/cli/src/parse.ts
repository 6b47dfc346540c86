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

/** A length of time such as 90s, 15m, 2h, 1d, in milliseconds. */
export function duration(text: string): number {
  const length = /^(\d+)([smhd])$/.exec(text);
  const unitMs = UNITS_MS[length?.[2] ?? ""];
  if (length && unitMs !== undefined) return Number(length[1]) * unitMs;
  throw new InvalidArgumentError("Give a length of time such as 90s, 15m, 2h or 1d.");
}

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

const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

/** A number of bytes, such as 1000000, 500MB, 64MiB, 1.5GiB. */
export function byteSize(text: string): number {
  const size = /^(\d+(?:\.\d+)?)(k|m|g|ki|mi|gi|)b?$/i.exec(text.trim());
  const unit = BYTES[size?.[2]?.toLowerCase() ?? ""];
  const bytes = Math.round(Number(size?.[1]) * (unit ?? Number.NaN));
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError("Give a number of bytes such as 64MiB, 1.5GiB or 500MB.");
}
