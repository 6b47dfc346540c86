// Who computes next: one owner per slot, the slot that already knows most of the prompt first, and a bounded queue in order of
// arrival. llama.cpp itself would let two requests write into one sequence.
import { CancelledError, Deferred, OverloadedError } from "@chimera/kernel";

export interface PrefixHolder {
  /** How many leading tokens of `tokens` this slot's state already covers. */
  commonPrefix(tokens: readonly number[]): number;
}

interface Waiter<S> {
  deferred: Deferred<S>;
  signal: AbortSignal;
  leave: () => void;
}

export interface SlotPoolOptions {
  /** Requests that may wait; one more is refused. */
  maxQueued: number;
  /** When a refused caller may try again. */
  retryAfterMs(queued: number): number;
}

export class SlotPool<S extends PrefixHolder> {
  /** Least recently used first: among equally useful slots that one loses the least. */
  readonly #free: S[];
  readonly #size: number;
  /** Bounded by maxQueued. */
  readonly #waiting: Waiter<S>[] = [];
  readonly #options: SlotPoolOptions;

  constructor(slots: readonly S[], options: SlotPoolOptions) {
    this.#free = [...slots];
    this.#size = slots.length;
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  get busy(): number {
    return this.#size - this.#free.length;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  /** A slot now or in turn. Throws OverloadedError at once where the queue is full; rejects when the signal aborts. */
  acquire(tokens: readonly number[], signal: AbortSignal): Promise<S> {
    if (signal.aborted) return Promise.reject(leftQueue(signal));
    const slot = this.#takeBest(tokens);
    if (slot) return Promise.resolve(slot);
    if (this.#waiting.length >= this.#options.maxQueued) {
      const message = `all ${this.#size} slots are busy and ${this.#waiting.length} requests wait`;
      throw new OverloadedError(message, this.#options.retryAfterMs(this.#waiting.length));
    }
    return this.#enqueue(signal);
  }

  /** Gives the slot to the longest waiting request, or back. */
  release(slot: S): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#free.push(slot);
      return;
    }
    next.signal.removeEventListener("abort", next.leave);
    next.deferred.resolve(slot);
  }

  #takeBest(tokens: readonly number[]): S | undefined {
    let bestIndex = 0;
    let bestLength = -1;
    this.#free.forEach((slot, index) => {
      const length = slot.commonPrefix(tokens);
      if (length > bestLength) [bestIndex, bestLength] = [index, length];
    });
    return this.#free.splice(bestIndex, 1)[0];
  }

  #enqueue(signal: AbortSignal): Promise<S> {
    const deferred = new Deferred<S>();
    const waiter: Waiter<S> = {
      deferred,
      signal,
      leave: () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        deferred.reject(leftQueue(signal));
      },
    };
    signal.addEventListener("abort", waiter.leave, { once: true });
    this.#waiting.push(waiter);
    return deferred.promise;
  }
}

function leftQueue(signal: AbortSignal): CancelledError {
  return new CancelledError("the request was cancelled before a slot was free", { cause: signal.reason });
}
