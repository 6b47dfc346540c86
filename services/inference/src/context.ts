// What the handlers may use.
import type { Engine } from "./engine/engine.ts";

export interface Context {
  engine: Engine;
  /** Name of this replica. */
  replica: string;
  maxPromptBytes: number;
  maxRequestMs: number;
}
