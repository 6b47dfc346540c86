// How fast prompts are computed here: tokens over time, the newest prompts counting most. A router turns queued tokens into
// waiting time with it.

/** Tokens after which what was measured before counts a third. */
const WINDOW_TOKENS = 8192;
/** Shorter computations measure the first token rather than the prompt. */
const MIN_TOKENS = 16;
const MS_PER_S = 1000;

export class PrefillRate {
  #tokens = 0;
  #ms = 0;

  /** Undefined until a prompt was computed. */
  get tokensPerS(): number | undefined {
    return this.#ms > 0 ? (this.#tokens * MS_PER_S) / this.#ms : undefined;
  }

  /** `tokens` were computed, not taken from a kept state. */
  record(tokens: number, durationMs: number): void {
    if (tokens < MIN_TOKENS || durationMs <= 0) return;
    const kept = Math.exp(-tokens / WINDOW_TOKENS);
    this.#tokens = this.#tokens * kept + tokens;
    this.#ms = this.#ms * kept + durationMs;
  }
}
