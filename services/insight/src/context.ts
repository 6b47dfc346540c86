// What the handlers of insight may use.
import type { Clock } from "@chimera/kernel";
import type { Records } from "./consume/records.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Mode } from "./loop/autopilot.ts";
import type { Loop } from "./loop/loop.ts";
import type { Advise } from "./observe/advise.ts";
import type { Offers } from "./observe/offers.ts";
import type { ReportInput } from "./report/report-input.ts";

export interface Context {
  readonly records: Records;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** What the loop and the evaluator have to say, for reports; nothing where unset. */
  readonly reportInput?: (() => ReportInput) | undefined;
  /** What the mesh runs on, in the operator's words. */
  readonly machine: string | undefined;
}

/** For the handlers that recommend and change. */
export interface LoopContext extends Context {
  readonly loop: Loop;
  readonly offers: Offers;
  readonly advise: Advise;
  readonly mode: Mode;
  /** Aborted when insight stops: streams that would go on for ever end with it. */
  readonly ended: AbortSignal;
  /** Rejects when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}
