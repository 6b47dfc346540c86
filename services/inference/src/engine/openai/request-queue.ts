// How many requests the server gets from this replica at a time, and who waits: in order of arrival, within a bound. The
// server has a queue of its own, but a request that waits here can still be refused or leave without cost.
import { CancelledError, Deferred, OverloadedError } from "@chimera/kernel";
import type { EngineLimits } from "../engine.ts";

interface Waiter {
  promptTokens: number;
  turn: Deferred<void>;
  signal: AbortSignal;
  leave: () => void;
}

export interface RequestQueueOptions {
  limits: EngineLimits;
  /** When a refused caller may try again. */
  retryAfterMs(queued: number, slots: number): number;
  /** After every change of what is busy, waits or is allowed. */
  onChange(): void;
}

export class RequestQueue {
  readonly #options: RequestQueueOptions;
  /** Bounded by limits.maxQueued at the time they came. */
  readonly #waiting: Waiter[] = [];
  #limits: EngineLimits;
  #busy = 0;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
    this.#limits = options.limits;
  }

  get limits(): EngineLimits {
    return this.#limits;
  }

  /** Above limits.slots for as long as requests from before a lower limit run. */
  get busy(): number {
    return this.#busy;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get queuedTokens(): number {
    return this.#waiting.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  }

  /** More slots start waiting requests at once; fewer take effect as running ones finish. What waits keeps its place. */
  setLimits(limits: EngineLimits): void {
    this.#limits = limits;
    this.#serveWaiting();
    this.#options.onChange();
  }

  /** A slot now or in turn. Throws OverloadedError at once where the queue is full; rejects when the signal aborts. */
  acquire(promptTokens: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(leftQueue(signal));
    const { slots, maxQueued } = this.#limits;
    if (this.#busy < slots) {
      this.#busy++;
      this.#options.onChange();
      return Promise.resolve();
    }
    if (this.queued >= maxQueued) {
      const message = `all ${slots} slots are busy and ${this.queued} requests wait`;
      throw new OverloadedError(message, this.#options.retryAfterMs(this.queued, slots));
    }
    return this.#enqueue(promptTokens, signal);
  }

  /** Gives the slot back; the longest waiting request is served next. */
  release(): void {
    this.#busy--;
    this.#serveWaiting();
    this.#options.onChange();
  }

  #serveWaiting(): void {
    while (this.#busy < this.#limits.slots) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#busy++;
      next.signal.removeEventListener("abort", next.leave);
      next.turn.resolve();
    }
  }

  #enqueue(promptTokens: number, signal: AbortSignal): Promise<void> {
    const turn = new Deferred<void>();
    const waiter: Waiter = {
      promptTokens,
      turn,
      signal,
      leave: () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        turn.reject(leftQueue(signal));
        this.#options.onChange();
      },
    };
    signal.addEventListener("abort", waiter.leave, { once: true });
    this.#waiting.push(waiter);
    this.#options.onChange();
    return turn.promise;
  }
}

function leftQueue(signal: AbortSignal): CancelledError {
  return new CancelledError("the request was cancelled before a slot was free", { cause: signal.reason });
}
