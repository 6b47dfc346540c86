// What the handlers of insight may use.
import type { Clock } from "@chimera/kernel";
import type { Records } from "./consume/records.ts";
import type { Ledger } from "./ledger/ledger.ts";

export interface Context {
  readonly records: Records;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** What the mesh runs on, in the operator's words. */
  readonly machine: string | undefined;
}
