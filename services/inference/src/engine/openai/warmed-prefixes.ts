// Which prefixes this replica had the server compute, most recently first. Whether the server still holds them is its own
// affair and nothing it tells.
import { createHash } from "node:crypto";
import type { EngineInput } from "../engine.ts";

/** As many as a load report names. */
const MAX_PREFIXES = 64;

export class WarmedPrefixes {
  /** Insertion order is age: oldest first. */
  readonly #ids = new Set<string>();

  get ids(): readonly string[] {
    return [...this.#ids].reverse();
  }

  add(id: string): void {
    this.#ids.delete(id);
    this.#ids.add(id);
    for (const oldest of this.#ids) {
      if (this.#ids.size <= MAX_PREFIXES) return;
      this.#ids.delete(oldest);
    }
  }
}

/** First 16 hex digits of the SHA-256 of model and input: the same prefix has the same id on every replica of a model. */
export function prefixId(modelVersion: string, input: EngineInput): string {
  const parts = input.kind === "prompt" ? input.prompt : input.messages.map(({ role, content }) => [role, content]);
  return createHash("sha256")
    .update(JSON.stringify([modelVersion, parts]))
    .digest("hex")
    .slice(0, 16);
}
