// Prefix states that outlive a request: in slots, and on disk where a folder is set. Which of them a prompt starts from is
// decided here.
import type { Clock } from "@chimera/kernel";
import type { WarmedPrefix } from "../engine.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import { prefixId, type StateSetup } from "./state-key.ts";
import { StateStore, type StateStoreOptions } from "./state-store.ts";
import { WarmPrefixes } from "./warm-prefixes.ts";

export interface StateSettings {
  folder: string;
  maxBytes: number;
}

export interface KeptStatesOptions {
  /** Undefined keeps nothing on disk. */
  settings: StateSettings | undefined;
  setup: StateSetup;
  clock: Clock;
  logger: StateStoreOptions["logger"];
}

export class KeptStates {
  readonly #setup: StateSetup;
  readonly #store: StateStore | undefined;
  readonly #warm = new WarmPrefixes();

  private constructor(setup: StateSetup, store: StateStore | undefined) {
    this.#setup = setup;
    this.#store = store;
    for (const state of store?.states.toReversed() ?? []) this.#warm.add(state);
  }

  /** A folder that can not be used is said and done without. */
  static async open({ settings, setup, clock, logger }: KeptStatesOptions): Promise<KeptStates> {
    if (!settings) return new KeptStates(setup, undefined);
    try {
      const store = await StateStore.open({ ...settings, setup, clock, logger });
      logger.info({ ...settings, states: store.states.length, bytes: store.bytes }, "kept prefix states found");
      return new KeptStates(setup, store);
    } catch (error) {
      logger.warn({ err: error, ...settings }, "prefix states can not be kept on disk; they live in slots only");
      return new KeptStates(setup, undefined);
    }
  }

  /** Leading tokens that a state on disk covers. */
  covered(tokens: readonly number[]): number {
    return this.#store?.longest(tokens).length ?? 0;
  }

  /** Loads a state from disk where one covers more of the prompt than the slot itself. */
  async recall(slot: SequenceSlot, prompt: readonly number[]): Promise<void> {
    for (const id of this.#warm.use(prompt)) this.#store?.touch(id);
    const { state, length } = this.#store?.longest(prompt) ?? { state: undefined, length: 0 };
    if (!state || length <= slot.commonPrefix(prompt)) return;
    await this.#store?.restore(state, (path) => slot.restore(path));
  }

  /** Throws the signal's reason when it aborts. */
  async warm(slot: SequenceSlot, prefix: readonly number[], signal: AbortSignal): Promise<WarmedPrefix> {
    await this.recall(slot, prefix);
    const cachedTokens = await slot.hold(prefix, signal);
    const savedBytes = (await this.#store?.save(prefix, (path) => slot.save(path))) ?? 0;
    const id = prefixId(this.#setup.modelSha256, prefix);
    this.#warm.add({ id, tokens: prefix });
    return { id, tokens: prefix.length, cachedTokens, savedBytes };
  }

  /** Ids of the warm prefixes that are on disk or in one of these slots, most recently used first. */
  warmIds(slots: readonly SequenceSlot[]): string[] {
    return this.#warm.held(({ id, tokens }) => {
      return this.#store?.has(id) === true || slots.some((slot) => slot.commonPrefix(tokens) === tokens.length);
    });
  }
}
