// One answer as its tokens come: their text without stop texts, how much of it is out, and whether it has ended.
import { canNotGoOn, SentText } from "../begun-answer.ts";
import type { BegunAnswer, CompletePart, DeltaPart } from "../engine.ts";
import { StopMatcher } from "../stop-matcher.ts";
import type { TokenDecoder } from "./token-decoder.ts";

export interface AnswerOptions {
  prompt: readonly number[];
  maxTokens: number;
  stop: readonly string[];
  decoder: TokenDecoder;
  isEnd(token: number): boolean;
}

export class Answer {
  readonly #options: AnswerOptions;
  readonly #stops: StopMatcher;
  /** Prompt and answer; bounded by the context. */
  readonly history: number[];
  tokenCount = 0;
  finishReason: CompletePart["finishReason"] | undefined;
  #sent = new SentText("");
  /** Of the next delta. */
  #text = "";
  #tokenIds: number[] = [];

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#stops = new StopMatcher(options.stop);
    this.history = [...options.prompt];
  }

  /**
   * Takes in silence what was sent already, so that decoder and stop texts are where they were. Text may be held back that its
   * tokens say. Throws FailedPreconditionError where text and tokens do not belong together.
   */
  resume({ text, tokenIds }: BegunAnswer): void {
    this.#sent = new SentText(text);
    for (const token of tokenIds) {
      if (this.finishReason) throw canNotGoOn("it has tokens behind its end");
      this.tokenCount++;
      this.#take(token);
    }
    // An end that was no stop text after all is sent when the answer ends.
    if (!this.#stops.held.startsWith(this.#sent.left)) throw canNotGoOn("its text is longer than its tokens say");
    this.#tokenIds = [];
  }

  /** What goes out with this token. After the last token that is the affair of end(). */
  accept(token: number): DeltaPart | undefined {
    this.tokenCount++;
    if (this.#options.isEnd(token)) this.finishReason = "stop";
    else this.#take(token);
    return this.finishReason ? undefined : this.#delta();
  }

  /** What is left to send, with what was held back in case a stop text would follow. */
  end(): DeltaPart | undefined {
    this.#text += this.#sent.newOf(this.#stops.flush());
    return this.#delta();
  }

  #take(token: number): void {
    this.history.push(token);
    this.#tokenIds.push(token);
    const { text, stopped } = this.#stops.push(this.#options.decoder.push(token));
    this.#text += this.#sent.newOf(text);
    if (stopped) this.finishReason = "stop";
    else if (this.tokenCount >= this.#options.maxTokens) this.finishReason = "length";
  }

  #delta(): DeltaPart | undefined {
    if (this.#text === "") return undefined;
    const delta: DeltaPart = {
      kind: "delta",
      text: this.#text,
      tokenCount: this.#tokenIds.length,
      tokenIds: this.#tokenIds,
    };
    this.#text = "";
    this.#tokenIds = [];
    return delta;
  }
}
