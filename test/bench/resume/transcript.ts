// Everything a caller was told in one stream, and whether it is what an undisturbed stream would have told.
import type { GenerateResponse } from "@chimera/contracts/common";
import type { Clock } from "@chimera/kernel";

export class Transcript {
  servedBy = "";
  text = "";
  tokens = 0;
  readonly tokenIds: number[] = [];
  usage: { promptTokens: number; completionTokens: number; finishReason: number } | undefined;
  /** Longest silence between two parts. */
  longestGapMs = 0;
  readonly #clock: Clock;
  #nextSeq = 0;
  #isBroken = false;
  #lastAtMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isComplete(): boolean {
    return this.usage !== undefined;
  }

  /** Every part in its place, none twice, none missing. */
  get isInOrder(): boolean {
    return !this.#isBroken;
  }

  note({ part }: GenerateResponse): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lastAtMs !== undefined) this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    if (this.isComplete) this.#isBroken = true;
    if (part.case === "accepted") {
      if (this.servedBy !== "" || this.#nextSeq > 0) this.#isBroken = true;
      this.servedBy = part.value.servedBy;
    } else if (part.case === "delta") {
      if (part.value.seq !== this.#nextSeq++) this.#isBroken = true;
      this.text += part.value.text;
      this.tokens += part.value.tokenCount;
      this.tokenIds.push(...part.value.tokenIds);
    } else if (part.case === "complete") {
      const { usage, finishReason } = part.value;
      const { promptTokens = 0, completionTokens = 0 } = usage ?? {};
      this.usage = { promptTokens, completionTokens, finishReason };
    }
  }

  /** Text, tokens, counts and end; how the text was cut into parts may differ. */
  equals(other: Transcript): boolean {
    const whole = ({ text, tokens, tokenIds, usage }: Transcript) => JSON.stringify([text, tokens, tokenIds, usage]);
    return this.isComplete && this.isInOrder && whole(this) === whole(other);
  }
}
