// Who computes next: one owner per slot, the slot that already knows most of the prompt first, and a bounded queue in order of
// arrival. llama.cpp itself would let two requests write into one sequence.
import { CancelledError, Deferred, OverloadedError } from "@chimera/kernel";
import type { EngineLimits } from "../engine.ts";

export interface PrefixHolder {
  /** How many leading tokens of `tokens` this slot's state already covers. */
  commonPrefix(tokens: readonly number[]): number;
}

interface Waiter<S> {
  tokens: readonly number[];
  /** Of those, tokens that nothing covered when the request came. */
  uncachedTokens: number;
  deferred: Deferred<S>;
  signal: AbortSignal;
  leave: () => void;
}

export interface SlotPoolOptions {
  limits: EngineLimits;
  /** When a refused caller may try again. */
  retryAfterMs(queued: number): number;
  /** How many leading tokens a state outside the slots covers, that the owner of any slot could load. */
  savedPrefix?(tokens: readonly number[]): number;
  /** After every change of what is busy, waits or is allowed. */
  onChange?(): void;
}

export class SlotPool<S extends PrefixHolder> {
  /** The first `limits.slots` of them are in use; the others wait for a higher limit. */
  readonly #slots: readonly S[];
  /** Least recently used first: among equally useful slots that one loses the least. */
  readonly #free: S[];
  /** Bounded by limits.maxQueued at the time they came. */
  readonly #waiting: Waiter<S>[] = [];
  readonly #options: SlotPoolOptions;
  #limits: EngineLimits;
  #queuedUncachedTokens = 0;

  constructor(slots: readonly S[], options: SlotPoolOptions) {
    this.#slots = slots;
    this.#free = [...slots];
    this.#options = options;
    this.#limits = options.limits;
  }

  get limits(): EngineLimits {
    return this.#limits;
  }

  /** The slots in use, busy or free. */
  get usable(): readonly S[] {
    return this.#slots.slice(0, this.#limits.slots);
  }

  /** Above limits.slots for as long as requests from before a lower limit run. */
  get busy(): number {
    return this.#slots.length - this.#free.length;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get queuedUncachedTokens(): number {
    return this.#queuedUncachedTokens;
  }

  /** More slots start waiting requests at once; fewer take effect as running ones finish. What waits keeps its place. */
  setLimits(limits: EngineLimits): void {
    this.#limits = limits;
    this.#serveWaiting();
    this.#options.onChange?.();
  }

  /** A slot now or in turn. Throws OverloadedError at once where the queue is full; rejects when the signal aborts. */
  acquire(tokens: readonly number[], signal: AbortSignal): Promise<S> {
    if (signal.aborted) return Promise.reject(leftQueue(signal));
    const slot = this.#take(tokens);
    if (!slot) return this.#enqueue(tokens, signal);
    this.#options.onChange?.();
    return Promise.resolve(slot);
  }

  /** Gives the slot back; the longest waiting request is served next. */
  release(slot: S): void {
    this.#free.push(slot);
    this.#serveWaiting();
    this.#options.onChange?.();
  }

  #serveWaiting(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const slot = this.#take(next.tokens);
      if (!slot) return;
      this.#remove(next);
      next.signal.removeEventListener("abort", next.leave);
      next.deferred.resolve(slot);
    }
  }

  /** Undefined where as many are busy as may be. */
  #take(tokens: readonly number[]): S | undefined {
    if (this.busy >= this.#limits.slots) return undefined;
    const { slot, length } = this.#best(tokens);
    const saved = this.#options.savedPrefix?.(tokens) ?? 0;
    // A better state is loaded over the slot that was unused for longest, and the second best one is kept.
    const chosen = saved > length ? this.#usableFree()[0] : slot;
    if (chosen !== undefined) this.#free.splice(this.#free.indexOf(chosen), 1);
    return chosen;
  }

  #best(tokens: readonly number[]): { slot: S | undefined; length: number } {
    let best: { slot: S | undefined; length: number } = { slot: undefined, length: -1 };
    for (const slot of this.#usableFree()) {
      const length = slot.commonPrefix(tokens);
      if (length > best.length) best = { slot, length };
    }
    return best;
  }

  #usableFree(): S[] {
    const usable = new Set(this.usable);
    return this.#free.filter((slot) => usable.has(slot));
  }

  #enqueue(tokens: readonly number[], signal: AbortSignal): Promise<S> {
    const { slots, maxQueued } = this.#limits;
    if (this.#waiting.length >= maxQueued) {
      const message = `all ${slots} slots are busy and ${this.#waiting.length} requests wait`;
      throw new OverloadedError(message, this.#options.retryAfterMs(this.#waiting.length));
    }
    const deferred = new Deferred<S>();
    const waiter: Waiter<S> = {
      tokens,
      uncachedTokens: tokens.length - this.#covered(tokens),
      deferred,
      signal,
      leave: () => {
        this.#remove(waiter);
        deferred.reject(leftQueue(signal));
        this.#options.onChange?.();
      },
    };
    signal.addEventListener("abort", waiter.leave, { once: true });
    this.#waiting.push(waiter);
    this.#queuedUncachedTokens += waiter.uncachedTokens;
    this.#options.onChange?.();
    return deferred.promise;
  }

  #remove(waiter: Waiter<S>): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    this.#queuedUncachedTokens -= waiter.uncachedTokens;
  }

  #covered(tokens: readonly number[]): number {
    const inSlots = this.usable.map((slot) => slot.commonPrefix(tokens));
    return Math.max(this.#options.savedPrefix?.(tokens) ?? 0, ...inSlots);
  }
}

function leftQueue(signal: AbortSignal): CancelledError {
  return new CancelledError("the request was cancelled before a slot was free", { cause: signal.reason });
}
