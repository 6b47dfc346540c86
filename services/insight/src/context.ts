// What the handlers of insight may use.
import type { Clock } from "@chimera/kernel";
import type { Records } from "./consume/records.ts";

export interface Context {
  readonly records: Records;
  readonly clock: Clock;
  /** What the mesh runs on, in the operator's words. */
  readonly machine: string | undefined;
}
