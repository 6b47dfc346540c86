// One sequence of the context: keeps what it computed, so that the next prompt with the same beginning starts further on.
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { PrefixHolder } from "./slot-pool.ts";
import { asTokens } from "./token.ts";

/** Prompt tokens per step between two looks at the signal: a cancelled prompt stops within one such step. */
const PREFILL_CHUNK_TOKENS = 128;

export interface Prefilled {
  /** Leading prompt tokens that the slot still held. */
  cachedTokens: number;
  /** The end of the prompt, one token at least, still to be evaluated with the first token. */
  rest: Token[];
}

export class SequenceSlot implements PrefixHolder {
  readonly sequence: LlamaContextSequence;

  constructor(sequence: LlamaContextSequence) {
    this.sequence = sequence;
  }

  commonPrefix(tokens: readonly number[]): number {
    return this.sequence.compareContextTokens(asTokens(tokens)).firstDifferentIndex;
  }

  /** Brings the state to the prompt's beginning, in steps. Throws the signal's reason when it aborts. */
  async prefill(prompt: readonly number[], signal: AbortSignal): Promise<Prefilled> {
    const tokens = asTokens(prompt);
    // One token must be left to evaluate: its result is the first token of the answer.
    await this.sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    const cachedTokens = this.sequence.nextTokenIndex;
    let at = cachedTokens;
    for (; tokens.length - at > PREFILL_CHUNK_TOKENS; at += PREFILL_CHUNK_TOKENS) {
      signal.throwIfAborted();
      await this.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + PREFILL_CHUNK_TOKENS));
    }
    signal.throwIfAborted();
    return { cachedTokens, rest: tokens.slice(at) };
  }

  /** Forgets everything; after a failed step the state can not be trusted. */
  async reset(): Promise<void> {
    await this.sequence.clearHistory();
  }
}
