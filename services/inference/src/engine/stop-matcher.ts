// Cuts an answer exactly where a stop text begins. Text that may turn out to be the start of one is held back, so that no
// part of a stop text is ever sent.

export interface StopStep {
  /** Text that is safe to send. */
  text: string;
  stopped: boolean;
}

export class StopMatcher {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** What may turn out to be the start of a stop text. */
  get held(): string {
    return this.#held;
  }

  /** The stop text that ends first wins, the longest of those that end together: so the cut does not depend on how text arrives. */
  push(text: string): StopStep {
    const pending = this.#held + text;
    const cut = this.#firstMatch(pending);
    if (cut !== undefined) {
      this.#held = "";
      return { text: pending.slice(0, cut), stopped: true };
    }
    const heldLength = this.#possibleStart(pending);
    this.#held = pending.slice(pending.length - heldLength);
    return { text: pending.slice(0, pending.length - heldLength), stopped: false };
  }

  /** What was held back; the answer ended without a stop text. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  #firstMatch(pending: string): number | undefined {
    let best: { start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = pending.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (!best || end < best.end || (end === best.end && start < best.start)) best = { start, end };
    }
    return best?.start;
  }

  /** Length of the longest end of `pending` that begins a stop text; below the longest stop text. */
  #possibleStart(pending: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, pending.length); length > longest; length--) {
        if (pending.endsWith(stop.slice(0, length))) {
          longest = length;
          break;
        }
      }
    }
    return longest;
  }
}
