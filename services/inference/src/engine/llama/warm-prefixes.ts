// Which prefixes somebody asked to keep warm, the ones used last first.
import type { SavedState } from "./state-store.ts";

/** As many as a load report names. */
const MAX_PREFIXES = 64;

export class WarmPrefixes {
  /** By id, least recently used first. Bounded by MAX_PREFIXES: one more lets go of the one unused for longest. */
  readonly #byId = new Map<string, readonly number[]>();

  add({ id, tokens }: SavedState): void {
    this.#byId.delete(id);
    this.#byId.set(id, tokens);
    const [oldest] = this.#byId.keys();
    if (this.#byId.size > MAX_PREFIXES && oldest !== undefined) this.#byId.delete(oldest);
  }

  /** The prefixes that this prompt begins with were of use. Returns their ids. */
  use(prompt: readonly number[]): string[] {
    const used = [...this.#byId].filter(([, tokens]) => isPrefix(tokens, prompt));
    for (const [id, tokens] of used) this.add({ id, tokens });
    return used.map(([id]) => id);
  }

  /** Those that are still held somewhere, most recently used first. */
  held(isHeld: (prefix: SavedState) => boolean): string[] {
    const prefixes = [...this.#byId].map(([id, tokens]) => ({ id, tokens }));
    return prefixes
      .reverse()
      .filter(isHeld)
      .map(({ id }) => id);
  }
}

function isPrefix(tokens: readonly number[], prompt: readonly number[]): boolean {
  return tokens.length <= prompt.length && tokens.every((token, index) => token === prompt[index]);
}
