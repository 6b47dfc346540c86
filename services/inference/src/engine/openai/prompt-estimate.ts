// How many tokens a prompt may have. Only the server has the tokenizer, and it tells its count at the end of an answer; until
// then this is a guess, from the characters per token that its answers so far had. Only what is beyond any doubt is refused.
import type { EngineInput } from "../engine.ts";

/** English text, most tokenizers. */
const INITIAL_CHARACTERS_PER_TOKEN = 4;
/** What a chat template puts around a message. */
const CHARACTERS_AROUND_MESSAGE = 16;
/** No text that people write has so many in a token on average. */
const MAX_CHARACTERS_PER_TOKEN = 16;
/** Weight of the newest answer; about the last ten count. */
const SMOOTHING = 0.2;

export class PromptEstimate {
  #charactersPerToken = INITIAL_CHARACTERS_PER_TOKEN;

  tokens(input: EngineInput): number {
    return Math.max(1, Math.round(charactersOf(input) / this.#charactersPerToken));
  }

  /** The server counted `tokens` in it. */
  record(input: EngineInput, tokens: number): void {
    if (tokens < 1) return;
    this.#charactersPerToken += SMOOTHING * (Math.max(1, charactersOf(input)) / tokens - this.#charactersPerToken);
  }
}

/** Whether the input is too long for so many tokens whatever the tokenizer. */
export function isHopeless(input: EngineInput, contextTokens: number): boolean {
  return charactersOf(input) > contextTokens * MAX_CHARACTERS_PER_TOKEN;
}

function charactersOf(input: EngineInput): number {
  if (input.kind === "prompt") return input.prompt.length;
  return input.messages.reduce((sum, { content }) => sum + content.length + CHARACTERS_AROUND_MESSAGE, 0);
}
