// Identical requests that are being answered right now: the second one reads along.
import { hash } from "node:crypto";
import type { Generation } from "./generation.ts";

export class Flights {
  /** Bounded by the router's requests in flight. */
  readonly #byKey = new Map<string, Generation>();

  /** `input`: an encoded CacheKeyInput, tenant included. Undefined where nobody asks the same, or too much of it is gone. */
  find(input: Uint8Array): Generation | undefined {
    const generation = this.#byKey.get(keyOf(input));
    return generation?.isJoinable ? generation : undefined;
  }

  add(input: Uint8Array, generation: Generation, over: Promise<void>): void {
    const key = keyOf(input);
    this.#byKey.set(key, generation);
    void over.then(() => {
      if (this.#byKey.get(key) === generation) this.#byKey.delete(key);
    });
  }
}

function keyOf(input: Uint8Array): string {
  return hash("sha256", input, "base64");
}
