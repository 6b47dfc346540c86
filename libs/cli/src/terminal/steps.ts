// A line per step of a longer command: what was done, with which result, and how long it took.
import type { Clock } from "@chimera/kernel";
import type { Terminal } from "./terminal.ts";

export interface Steps {
  /** Runs a step; `run` returns what to say about it. A failure is marked and goes on to the caller. */
  run<T>(title: string, run: () => Promise<{ value: T; detail: string }>): Promise<T>;
  /** A line below the last step. */
  note(text: string): void;
  warn(text: string): void;
}

export function stepsOn(terminal: Terminal, clock: Clock): Steps {
  const clear = () => terminal.err(terminal.errIsTty ? "\r\x1b[2K" : "");
  const line = (text: string) => {
    clear();
    terminal.err(`${text}\n`);
  };
  return {
    run: async (title, run) => {
      const startedAtMs = clock.monotonicMs();
      const elapsed = () => terminal.paintErr("dim", `${((clock.monotonicMs() - startedAtMs) / 1000).toFixed(1)} s`);
      if (terminal.errIsTty) terminal.err(`${terminal.paintErr("dim", "…")} ${title}`);
      try {
        const { value, detail } = await run();
        line(`${terminal.paintErr("green", "✓")} ${title}: ${detail} ${elapsed()}`);
        return value;
      } catch (error) {
        line(`${terminal.paintErr("red", "✗")} ${title} ${elapsed()}`);
        throw error;
      }
    },
    note: (text) => line(terminal.paintErr("dim", `  ${text}`)),
    warn: (text) => line(`${terminal.paintErr("yellow", "!")} ${text}`),
  };
}
