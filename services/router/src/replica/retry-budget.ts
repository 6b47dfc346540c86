// How many retries the mesh can bear: a share of the requests, and a few more for a router with little traffic. Without it, a
// mesh in trouble gets its load doubled by those who try again. The figures are those of Finagle and Linkerd.
import type { Clock } from "@chimera/kernel";

const SHARE_OF_REQUESTS = 0.2;
const PER_SECOND = 10;
/** What is not used is lost after so many seconds. */
const WINDOW_S = 10;

export class RetryBudget {
  readonly #clock: Clock;
  /** By second, modulo the window. */
  readonly #requests = new Float64Array(WINDOW_S);
  readonly #retries = new Float64Array(WINDOW_S);
  #second: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#second = this.#now();
  }

  /** Retries that may be made now. */
  get left(): number {
    this.#advance();
    return Math.floor(SHARE_OF_REQUESTS * sum(this.#requests) + PER_SECOND * WINDOW_S - sum(this.#retries));
  }

  /** A request came; its retries are not counted here. */
  request(): void {
    this.#advance();
    this.#add(this.#requests);
  }

  /** Takes one retry; false where there is none left. */
  tryRetry(): boolean {
    if (this.left < 1) return false;
    this.#add(this.#retries);
    return true;
  }

  #add(counts: Float64Array): void {
    const slot = this.#second % WINDOW_S;
    counts[slot] = (counts[slot] ?? 0) + 1;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / 1000);
  }

  #advance(): void {
    const now = this.#now();
    const passed = Math.min(WINDOW_S, now - this.#second);
    for (let i = 1; i <= passed; i++) {
      const slot = (this.#second + i) % WINDOW_S;
      this.#requests[slot] = 0;
      this.#retries[slot] = 0;
    }
    this.#second = now;
  }
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
