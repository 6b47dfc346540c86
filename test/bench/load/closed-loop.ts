// As many callers as asked for, each with its next request as soon as its last one was answered: what a system carries at most.
// Says nothing about latency at a given rate; that takes an open loop.
import { setTimeout as wait } from "node:timers/promises";

/** Resolves with its TTFT when the answer has arrived whole; calls `onTokens` for what arrives meanwhile. */
export type Ask = (onTokens: (count: number) => void) => Promise<number>;

/** Between the first requests, so that callers do not march in step. */
const STAGGER_MS = 1;
/** A caller whose request failed waits, so that a broken subject is not hammered. */
const AFTER_FAILURE_MS = 20;

export class ClosedLoop {
  tokens = 0;
  failures = 0;
  lastFailure: unknown;
  /** Of each answer, in order of their end; as long as the run is. */
  readonly ttftMs: number[] = [];
  readonly #stop = new AbortController();
  readonly #callers: Promise<void>[];

  constructor(callers: number, ask: Ask) {
    this.#callers = Array.from({ length: callers }, (_, index) => this.#call(ask, index * STAGGER_MS));
  }

  get answers(): number {
    return this.ttftMs.length;
  }

  /** No new requests; those that are open may be cut by whoever owns the connections. */
  stop(): void {
    this.#stop.abort();
  }

  async ended(): Promise<void> {
    await Promise.all(this.#callers);
  }

  async #call(ask: Ask, delayMs: number): Promise<void> {
    const { signal } = this.#stop;
    const pause = (ms: number) => wait(ms, undefined, { signal }).catch(() => undefined);
    const onTokens = (count: number) => {
      this.tokens += count;
    };
    await pause(delayMs);
    while (!signal.aborted) {
      try {
        this.ttftMs.push(await ask(onTokens));
      } catch (error) {
        if (signal.aborted) return;
        this.failures += 1;
        this.lastFailure = error;
        await pause(AFTER_FAILURE_MS);
      }
    }
  }
}
