// WatchReport: the report of the last minutes, again whenever there is something new, at most once a second.
import { create } from "@bufbuild/protobuf";
import {
  type WatchReportRequest,
  type WatchReportResponse,
  WatchReportResponseSchema,
} from "@chimera/contracts/insight";
import { InvalidRequestError } from "@chimera/kernel";
import type { LoopContext } from "../context.ts";
import { reportOn } from "../report/report.ts";
import { reportMessage } from "./get-report.ts";

const INTERVAL_MS = 1000;
const DEFAULT_WINDOW_S = 900;
const MAX_WINDOW_S = 86_400;

export function watchReport(context: LoopContext) {
  const { records, ledger, clock, sleep, ended } = context;
  return async function* (
    { windowS }: WatchReportRequest,
    rpc: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchReportResponse, void, undefined> {
    if (windowS > MAX_WINDOW_S) {
      throw new InvalidRequestError([{ field: "window_s", description: `is above ${MAX_WINDOW_S}, a day` }]);
    }
    const windowMs = 1000 * (windowS || DEFAULT_WINDOW_S);
    const signal = AbortSignal.any([rpc.signal, ended]);
    let shown: string | undefined;
    while (!signal.aborted) {
      const known = `${records.intake.received} ${ledger.head.sequence}`;
      if (known !== shown) {
        shown = known;
        const nowMs = clock.nowMs();
        const report = reportMessage(reportOn(context, { fromMs: nowMs - windowMs, toMs: nowMs }));
        yield create(WatchReportResponseSchema, { report });
      }
      await sleep(INTERVAL_MS, signal).catch(() => undefined);
    }
  };
}
