// One answer between the step loop, which says when a token is drawn, and its reader, who takes the text when it likes.
import { UnavailableError } from "@chimera/kernel";
import type { CompletePart, DeltaPart, Timings } from "../engine.ts";
import { BUFFER_TOKENS, PartBuffer } from "../part-buffer.ts";
import { type AnswerPlan, PseudoAnswer } from "./pseudo-answer.ts";
import type { Outcome, Sequence, SequenceListener } from "./sequence.ts";

export interface GenerationOptions {
  plan: AnswerPlan;
  promptTokens: number;
  /** Times are told as the clock of the service sees them. */
  timeScale: number;
  onToken(sequence: Sequence): void;
  onComplete(timings: Timings): void;
  /** The reader of a paused sequence has read. */
  resume(sequence: Sequence): void;
}

export class Generation implements SequenceListener {
  readonly #options: GenerationOptions;
  readonly #answer: PseudoAnswer;
  readonly #buffer = new PartBuffer();
  /** Drawn and not yet taken by the reader. */
  #aheadTokens = 0;
  /** Of the next delta. */
  #tokenIds: number[] = [];
  /** Thrown after the text that was drawn before: a connection breaks behind what it has carried. */
  #lost: UnavailableError | undefined;

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.#answer = new PseudoAnswer(options.plan);
  }

  /** False for a reader that is BUFFER_TOKENS behind. */
  token(sequence: Sequence): boolean {
    this.#options.onToken(sequence);
    const { text, tokenId } = this.#answer.next();
    if (tokenId !== undefined) this.#tokenIds.push(tokenId);
    if (text !== "") this.#send(text);
    return this.#aheadTokens < BUFFER_TOKENS;
  }

  end(sequence: Sequence, outcome: Outcome): void {
    if (outcome === "cancelled") return;
    if (outcome !== "complete") this.#lost = lostError(outcome);
    this.#complete(sequence);
  }

  fail(error: unknown): void {
    this.#buffer.fail(error);
  }

  async *parts(sequence: Sequence): AsyncGenerator<DeltaPart | CompletePart, void, undefined> {
    for await (const part of this.#buffer.parts()) {
      if (part.kind === "delta") {
        this.#aheadTokens -= part.tokenCount;
        if (sequence.isPaused) this.#options.resume(sequence);
      }
      if (part.kind === "complete" && this.#lost) throw this.#lost;
      yield part;
    }
  }

  #send(text: string): void {
    const tokenIds = this.#tokenIds;
    this.#tokenIds = [];
    this.#aheadTokens += tokenIds.length;
    void this.#buffer.push({ kind: "delta", text, tokenCount: tokenIds.length, tokenIds });
  }

  #complete(sequence: Sequence): void {
    const { arrivedMs, admittedMs, endedMs } = sequence;
    const { timeScale, promptTokens } = this.#options;
    // An answer that was cut between its last token and its end has none to draw.
    const firstTokenMs = Number.isNaN(sequence.firstTokenMs) ? endedMs : sequence.firstTokenMs;
    const unsent = this.#answer.takeUnsent();
    if (unsent !== "") this.#send(unsent);
    const timings: Timings = {
      queueMs: (admittedMs - arrivedMs) / timeScale,
      prefillMs: (firstTokenMs - admittedMs) / timeScale,
      firstTokenMs: (firstTokenMs - arrivedMs) / timeScale,
      totalMs: (endedMs - arrivedMs) / timeScale,
    };
    if (!this.#lost) this.#options.onComplete(timings);
    const cachedTokens = Math.min(sequence.cachedTokens, promptTokens);
    const usage = { promptTokens, cachedTokens, completionTokens: this.#answer.tokenCount };
    this.#buffer.complete({ kind: "complete", finishReason: this.#answer.finishReason ?? "length", usage, timings });
  }
}

/** For the failures that chance has in store. */
export function lostError(outcome: Exclude<Outcome, "complete" | "cancelled">): UnavailableError {
  const what = outcome === "failed" ? "failed" : "broke off in the middle of the answer";
  return new UnavailableError(`the simulated engine ${what}`);
}
