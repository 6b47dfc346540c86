// The text of a simulated answer: a label that says so, then made-up words, each one token of exactly 4 bytes. What is said
// depends on prompt and seed alone, never on speed or on other requests.
import { type Random, seededRandom } from "@chimera/kernel";
import { canNotGoOn, SentText } from "../begun-answer.ts";
import type { BegunAnswer, CompletePart } from "../engine.ts";
import { StopMatcher } from "../stop-matcher.ts";

/** "[simulated] " in tokens. */
const LABEL = ["[sim", "ulat", "ed] "] as const;
const CONSONANTS = "bdfgklmnprstvz";
const VOWELS = "aeiou";
/** Of the first word; the label's tokens come before. */
const FIRST_WORD_ID = LABEL.length;
const WORDS = CONSONANTS.length * VOWELS.length * CONSONANTS.length;

export interface AnswerPlan {
  seed: number;
  /** Most tokens that may be drawn. */
  maxTokens: number;
  /** Mean number of words before the answer ends by itself (geometric, one at least). */
  meanWords: number;
  stop: readonly string[];
  /** What its reader has of it already. */
  begun?: BegunAnswer | undefined;
  /** Whether the words come from a seed that can be given again. */
  isRepeatable: boolean;
}

export interface AnswerStep {
  /** Text that is safe to send; "" while it may become a stop text, and for the end token. */
  text: string;
  /** Undefined for the end token. */
  tokenId: number | undefined;
  /** Set with the last token. */
  finishReason: CompletePart["finishReason"] | undefined;
}

/** One answer, token by token, behind what was sent of it already. */
export class PseudoAnswer {
  readonly #plan: AnswerPlan;
  readonly #random: Random;
  readonly #stops: StopMatcher;
  readonly #sent: SentText;
  readonly #words: number;
  #tokens = 0;
  /** Made again from tokens that were sent, and not sent itself. */
  #unsent = "";
  finishReason: CompletePart["finishReason"] | undefined;

  /** Throws FailedPreconditionError where what was sent is not this answer. */
  constructor(plan: AnswerPlan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    this.#stops = new StopMatcher(plan.stop);
    this.#sent = new SentText(plan.begun?.text ?? "");
    this.#words = 1 + Math.floor(Math.log(1 - this.#random()) / Math.log(1 - 1 / Math.max(1, plan.meanWords)) || 0);
    if (plan.begun) this.#repeat(plan.begun);
  }

  /** Tokens so far, those sent before included. */
  get tokenCount(): number {
    return this.#tokens;
  }

  /** Text of an answer that was cut behind its last token. */
  takeUnsent(): string {
    const text = this.#unsent;
    this.#unsent = "";
    return text;
  }

  next(): AnswerStep {
    const tokenId = this.#draw();
    const text = this.takeUnsent() + this.#sent.newOf(this.#take(tokenId));
    return { text, tokenId, finishReason: this.finishReason };
  }

  /** The words of a chance that nobody can repeat are taken as they were sent. */
  #repeat({ text, tokenIds }: BegunAnswer): void {
    const sent = tokenIds.length > 0 ? tokenIds : tokensOf(text);
    for (const tokenId of sent) {
      if (this.finishReason) throw canNotGoOn("it has tokens behind its end");
      const drawn = this.#draw();
      if (this.#plan.isRepeatable && drawn !== tokenId) throw canNotGoOn("other words are drawn here than were sent");
      this.#unsent += this.#sent.newOf(this.#take(tokenId));
    }
    if (!this.#stops.held.startsWith(this.#sent.left)) throw canNotGoOn("its text is longer than its tokens say");
  }

  /** Undefined is the end token. */
  #draw(): number | undefined {
    const index = this.#tokens++;
    if (index >= LABEL.length + this.#words) return undefined;
    return index < LABEL.length ? index : drawWord(this.#random);
  }

  #take(tokenId: number | undefined): string {
    if (tokenId === undefined) {
      this.finishReason = "stop";
      return this.#stops.flush();
    }
    const { text, stopped } = this.#stops.push(textOf(tokenId));
    if (stopped) this.finishReason = "stop";
    else if (this.#tokens >= this.#plan.maxTokens) this.finishReason = "length";
    return this.finishReason === "length" ? text + this.#stops.flush() : text;
  }
}

/** How many tokens of an answer are there before its first draw, and how many will be drawn; at most plan.maxTokens together. */
export function tokensOfAnswer(plan: AnswerPlan): { begun: number; drawn: number } {
  const answer = new PseudoAnswer(plan);
  const begun = answer.tokenCount;
  while (answer.finishReason === undefined) answer.next();
  return { begun, drawn: answer.tokenCount - begun };
}

function drawWord(random: Random): number {
  const pick = (letters: string) => Math.floor(random() * letters.length);
  return wordId(pick(CONSONANTS), pick(VOWELS), pick(CONSONANTS));
}

function wordId(first: number, vowel: number, last: number): number {
  return FIRST_WORD_ID + (first * VOWELS.length + vowel) * CONSONANTS.length + last;
}

/** Throws FailedPreconditionError for a token that is never drawn here. */
function textOf(tokenId: number): string {
  const label = LABEL[tokenId];
  if (label !== undefined) return label;
  const word = tokenId - FIRST_WORD_ID;
  if (word >= WORDS) throw canNotGoOn(`token ${tokenId} is none of this engine's`);
  const syllable = Math.floor(word / CONSONANTS.length);
  const first = CONSONANTS.charAt(Math.floor(syllable / VOWELS.length));
  return `${first}${VOWELS.charAt(syllable % VOWELS.length)}${CONSONANTS.charAt(word % CONSONANTS.length)} `;
}

/** The whole tokens of a text; the rest of it is part of the next. */
function tokensOf(text: string): number[] {
  const tokens = text.match(/.{4}/gs) ?? [];
  return tokens.map((token, index) => {
    const [first = "", vowel = "", last = ""] = token;
    return token === LABEL[index]
      ? index
      : wordId(CONSONANTS.indexOf(first), VOWELS.indexOf(vowel), CONSONANTS.indexOf(last));
  });
}
