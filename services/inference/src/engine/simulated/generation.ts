// One answer between the step loop, which says when a token is drawn, and its reader, who takes the text when it likes.
import { UnavailableError } from "@chimera/kernel";
import type { CompletePart, DeltaPart, Timings } from "../engine.ts";
import { BUFFER_TOKENS, PartBuffer } from "../part-buffer.ts";
import { type AnswerPlan, PseudoAnswer } from "./pseudo-answer.ts";
import type { Outcome, Sequence, SequenceListener } from "./sequence.ts";

export interface GenerationOptions {
  plan: AnswerPlan;
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
  #finishReason: CompletePart["finishReason"] = "length";
  /** Drawn and not yet taken by the reader. */
  #aheadTokens = 0;
  #tokensSinceDelta = 0;
  /** Thrown after the text that was drawn before: a connection breaks behind what it has carried. */
  #lost: UnavailableError | undefined;

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.#answer = new PseudoAnswer(options.plan);
  }

  /** False for a reader that is BUFFER_TOKENS behind. */
  token(sequence: Sequence): boolean {
    this.#options.onToken(sequence);
    const { text, finishReason, isEndToken } = this.#answer.next();
    if (finishReason) this.#finishReason = finishReason;
    if (!isEndToken) this.#tokensSinceDelta++;
    if (text !== "") {
      this.#aheadTokens += this.#tokensSinceDelta;
      void this.#buffer.push(text, this.#tokensSinceDelta);
      this.#tokensSinceDelta = 0;
    }
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

  #complete(sequence: Sequence): void {
    const { job, cachedTokens, generatedTokens, arrivedMs, admittedMs, firstTokenMs, endedMs } = sequence;
    const { timeScale } = this.#options;
    const timings: Timings = {
      queueMs: (admittedMs - arrivedMs) / timeScale,
      prefillMs: (firstTokenMs - admittedMs) / timeScale,
      firstTokenMs: (firstTokenMs - arrivedMs) / timeScale,
      totalMs: (endedMs - arrivedMs) / timeScale,
    };
    if (!this.#lost) this.#options.onComplete(timings);
    const usage = { promptTokens: job.promptTokens, cachedTokens, completionTokens: generatedTokens };
    this.#buffer.complete({ kind: "complete", finishReason: this.#finishReason, usage, timings });
  }
}

/** For the failures that chance has in store. */
export function lostError(outcome: Exclude<Outcome, "complete" | "cancelled">): UnavailableError {
  const what = outcome === "failed" ? "failed" : "broke off in the middle of the answer";
  return new UnavailableError(`the simulated engine ${what}`);
}
