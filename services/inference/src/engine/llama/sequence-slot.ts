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

  /** Tokens whose state this slot holds. */
  get heldTokens(): number {
    return this.sequence.nextTokenIndex;
  }

  /** Brings the state to the prompt's beginning, in steps. Throws the signal's reason when it aborts. */
  async prefill(prompt: readonly number[], signal: AbortSignal): Promise<Prefilled> {
    const tokens = asTokens(prompt);
    // One token must be left to evaluate: its result is the first token of the answer.
    const cachedTokens = await this.#adapt(tokens.slice(0, -1));
    const at = await this.#compute(tokens, { from: cachedTokens, leave: PREFILL_CHUNK_TOKENS, signal });
    return { cachedTokens, rest: tokens.slice(at) };
  }

  /** Brings the state to exactly these tokens. Returns how many of them were there. Throws as prefill(). */
  async hold(prefix: readonly number[], signal: AbortSignal): Promise<number> {
    const tokens = asTokens(prefix);
    const cachedTokens = await this.#adapt(tokens);
    await this.#compute(tokens, { from: cachedTokens, leave: 0, signal });
    return cachedTokens;
  }

  async save(path: string): Promise<void> {
    await this.sequence.saveStateToFile(path);
  }

  /**
   * Takes the state from a file that was saved by this setup with these weights; after a failure the slot is empty. The library
   * forgets what the sequence held before it loads, llama.cpp does not where the file is refused: so that is cleared first.
   */
  async restore(path: string): Promise<void> {
    await this.sequence.clearHistory();
    await this.sequence.loadStateFromFile(path, { acceptRisk: true });
  }

  /** Forgets everything; after a failed step the state can not be trusted. */
  async reset(): Promise<void> {
    await this.sequence.clearHistory();
  }

  async #adapt(tokens: Token[]): Promise<number> {
    await this.sequence.adaptStateToTokens(tokens, false);
    return this.sequence.nextTokenIndex;
  }

  /** Computes in steps until at most `leave` tokens are left. Returns where it stopped. */
  async #compute(tokens: Token[], { from, leave, signal }: Computation): Promise<number> {
    let at = from;
    while (tokens.length - at > leave) {
      signal.throwIfAborted();
      const end = Math.min(tokens.length, at + PREFILL_CHUNK_TOKENS);
      await this.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, end));
      at = end;
    }
    signal.throwIfAborted();
    return at;
  }
}

interface Computation {
  from: number;
  leave: number;
  signal: AbortSignal;
}
