// The text of a simulated answer: a label that says so, then made-up words, each one token of exactly 4 bytes. What is said
// depends on prompt and seed alone, never on speed or on other requests.
import { type Random, seededRandom } from "@chimera/kernel";
import type { CompletePart } from "../engine.ts";
import { StopMatcher } from "../stop-matcher.ts";

/** "[simulated] " in tokens. */
const LABEL = ["[sim", "ulat", "ed] "] as const;
const CONSONANTS = "bdfgklmnprstvz";
const VOWELS = "aeiou";

export interface AnswerPlan {
  seed: number;
  /** Most tokens that may be drawn. */
  maxTokens: number;
  /** Mean number of words before the answer ends by itself (geometric, one at least). */
  meanWords: number;
  stop: readonly string[];
}

export interface AnswerStep {
  /** Text that is safe to send; "" while it may become a stop text, and for the end token. */
  text: string;
  /** Set with the last token. */
  finishReason: CompletePart["finishReason"] | undefined;
  isEndToken: boolean;
}

/** One answer, token by token. */
export class PseudoAnswer {
  readonly #plan: AnswerPlan;
  readonly #random: Random;
  readonly #stops: StopMatcher;
  readonly #words: number;
  #tokens = 0;

  constructor(plan: AnswerPlan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    this.#stops = new StopMatcher(plan.stop);
    this.#words = 1 + Math.floor(Math.log(1 - this.#random()) / Math.log(1 - 1 / Math.max(1, plan.meanWords)) || 0);
  }

  next(): AnswerStep {
    const index = this.#tokens++;
    if (index >= LABEL.length + this.#words)
      return { text: this.#stops.flush(), finishReason: "stop", isEndToken: true };
    const { text, stopped } = this.#stops.push(LABEL[index] ?? word(this.#random));
    if (stopped) return { text, finishReason: "stop", isEndToken: false };
    if (this.#tokens < this.#plan.maxTokens) return { text, finishReason: undefined, isEndToken: false };
    return { text: text + this.#stops.flush(), finishReason: "length", isEndToken: false };
  }
}

/** Tokens that the answer will have; at most plan.maxTokens. */
export function answerTokens(plan: AnswerPlan): number {
  const answer = new PseudoAnswer(plan);
  for (let tokens = 1; ; tokens++) if (answer.next().finishReason !== undefined) return tokens;
}

function word(random: Random): string {
  const pick = (letters: string) => letters.charAt(Math.floor(random() * letters.length));
  return `${pick(CONSONANTS)}${pick(VOWELS)}${pick(CONSONANTS)} `;
}
