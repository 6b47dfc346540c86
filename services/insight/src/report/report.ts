// One report for whoever asks: over gRPC and as a page the same window gives the same figures.
import type { Context } from "../context.ts";
import { type AskedWindow, resolveWindow } from "./report-window.ts";
import { type Report, summarise } from "./summary.ts";

/** Throws InvalidRequestError where the window is none. */
export function reportOn({ records, ledger, clock, machine, reportInput }: Context, asked: AskedWindow): Report {
  const nowMs = clock.nowMs();
  const window = resolveWindow(asked, { firstEventMs: records.intake.firstEventMs, nowMs });
  return summarise(records, { window, nowMs, machine, input: { ledger: ledger.loop, ...reportInput?.() } });
}
