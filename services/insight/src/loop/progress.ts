// How far a change is, told to whoever watches it.
import { BoundedQueue } from "@chimera/kernel";
import type { Outcome, Prediction } from "../ledger/prediction.ts";

export interface Progress {
  readonly step: "predicted" | "applied" | "verifying" | "guardrail" | "rolled back" | "settled";
  readonly text: string;
  readonly atMs: number;
  /** With the last one. */
  readonly settled?: { readonly prediction: Prediction; readonly outcome: Outcome };
}

/** Two for each block of the longest trial, and some; a watcher that does not read misses the rest. */
const MAX_UNREAD = 256;
const MAX_WATCHERS = 16;

export class ProgressFeed {
  readonly #watchers = new Set<BoundedQueue<Progress>>();
  #last: Progress | undefined;
  #isOver = false;

  tell(progress: Progress): void {
    this.#last = progress;
    for (const watcher of this.#watchers) watcher.push(progress);
  }

  end(): void {
    this.#isOver = true;
    for (const watcher of this.#watchers) watcher.close();
  }

  /** Begins with the newest step. Ends with the change, or when the signal is aborted. */
  watch(signal?: AbortSignal): AsyncIterable<Progress> {
    const queue = new BoundedQueue<Progress>(MAX_UNREAD);
    if (this.#last !== undefined) queue.push(this.#last);
    if (this.#isOver || signal?.aborted || this.#watchers.size >= MAX_WATCHERS) queue.close();
    else this.#watchers.add(queue);
    signal?.addEventListener("abort", () => this.#leave(queue), { once: true });
    return queue;
  }

  #leave(queue: BoundedQueue<Progress>): void {
    this.#watchers.delete(queue);
    queue.close();
  }
}
