// What the handlers may use.
import type { Logger } from "@chimera/lifecycle";
import type { Engine } from "./engine/engine.ts";

export interface Context {
  engine: Engine;
  logger: Logger;
  /** Name of this replica. */
  replica: string;
  maxPromptBytes: number;
  maxRequestMs: number;
  /** Aborted when the replica begins to drain: streams without an end of their own end then. */
  draining(): AbortSignal;
}
