// One line that shows how far something is, at which rate and how long it will take. Without a terminal it stays silent but for its end.
import type { Clock } from "@chimera/kernel";
import type { Terminal } from "./terminal.ts";

const REDRAW_MS = 100;
const BAR_COLUMNS = 24;
/** The rate is taken over at least this long, or it jumps. */
const MIN_RATE_MS = 500;

export interface ProgressBar {
  /** `note` follows the figures, for example "3 failed". */
  update(done: number, note?: string): void;
  /** Removes the line, so that a summary can take its place. */
  clear(): void;
}

export interface ProgressOptions {
  terminal: Terminal;
  clock: Clock;
  title: string;
  total: number;
}

export function progressBar({ terminal, clock, title, total }: ProgressOptions): ProgressBar {
  const startedAtMs = clock.monotonicMs();
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  return {
    update: (done, note = "") => {
      const nowMs = clock.monotonicMs();
      if (!terminal.errIsTty || (nowMs - drawnAtMs < REDRAW_MS && done < total)) return;
      drawnAtMs = nowMs;
      const line = progressLine({ title, done, total, elapsedMs: nowMs - startedAtMs, note });
      terminal.err(`\r\x1b[2K${line.slice(0, Math.max(10, terminal.columns - 1))}`);
    },
    clear: () => {
      if (terminal.errIsTty) terminal.err("\r\x1b[2K");
    },
  };
}

interface Progress {
  title: string;
  done: number;
  total: number;
  elapsedMs: number;
  note: string;
}

export function progressLine({ title, done, total, elapsedMs, note }: Progress): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.round(share * BAR_COLUMNS);
  const bar = "█".repeat(full) + "░".repeat(BAR_COLUMNS - full);
  const ratePerS = elapsedMs >= MIN_RATE_MS ? (done * 1000) / elapsedMs : undefined;
  const rate = ratePerS === undefined ? "" : ` ${ratePerS.toFixed(0)}/s`;
  const left = ratePerS ? ` ${Math.ceil((total - done) / ratePerS)} s left` : "";
  return `  ${title} ${bar} ${done}/${total}${rate}${left}${note === "" ? "" : ` · ${note}`}`;
}
