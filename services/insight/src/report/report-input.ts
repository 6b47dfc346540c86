// What others hand to a report beside the records: all of it may be missing, and then the report says so.
import type { LoopState } from "../ledger/loop-state.ts";
import type { CapacityObserved } from "../predict/observed.ts";
import type { Recommendations } from "../remedy/recommendations.ts";
import type { GuardSign } from "../risk/guard-signs.ts";

export interface ReportInput {
  /** Of the last look; undefined before the first one. */
  readonly recommendations?: Recommendations | undefined;
  readonly ledger?: LoopState | undefined;
  /** Of the last step-load test. */
  readonly capacity?: CapacityObserved | undefined;
  /** What the evaluator's guard says, by the risk it belongs to. */
  readonly guardSigns?: Partial<Readonly<Record<"overfitting" | "drift", readonly GuardSign[]>>> | undefined;
}
