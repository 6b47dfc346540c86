// Plays items through the router, a bounded number at a time, and scores each answer as it arrives.
import { BoundedQueue, ChimeraError, UnavailableError } from "@chimera/kernel";
import type { Confusion } from "@chimera/statistics";
import type { Item } from "../dataset/item.ts";
import type { LabelReader } from "../scorer/label.ts";
import type { Answer, ItemFailure, ItemScore, Progress } from "./score.ts";

export interface LabelledItem {
  item: Item;
  reader: LabelReader;
}

export interface PlayOptions {
  items: readonly LabelledItem[];
  // What is not one of these labels is no answer.
  classes: ReadonlySet<string>;
  confusion: Confusion;
  // Requests in flight at a time.
  concurrency: number;
  ask(item: Item, signal: AbortSignal): Promise<Answer>;
  // Called once per item, failed or not, in order of completion.
  onScore(score: ItemScore): void;
  onFailure(failure: ItemFailure): void;
  signal: AbortSignal;
}

// About one progress event per percent, so the queue of a reader that is slow never fills.
const PROGRESS_EVENTS = 100;
const PROGRESS_CAPACITY = 2 * PROGRESS_EVENTS;
// Where nothing at all comes back, the run ends here: it would measure the outage, not the model.
const FAILURES_WITHOUT_ANSWER = 20;

/**
 * Yields progress until every item is scored. Leaving the iteration, or the signal, aborts every request in flight.
 * Throws UnavailableError where the first 20 items all failed.
 */
export async function* play(options: PlayOptions): AsyncGenerator<Progress, void, undefined> {
  const stop = new AbortController();
  const progress = new BoundedQueue<Progress>(PROGRESS_CAPACITY);
  const played = new Player(options, progress, stop).run().finally(() => progress.close());
  // The rejection is passed on below; until the reader gets there it must not count as unhandled.
  played.catch(() => undefined);
  try {
    yield* progress;
    await played;
  } finally {
    stop.abort();
    await played.catch(() => undefined);
  }
}

class Player {
  readonly #options: PlayOptions;
  readonly #progress: BoundedQueue<Progress>;
  readonly #stop: AbortController;
  readonly #signal: AbortSignal;
  readonly #stride: number;
  #next = 0;
  #done = 0;
  #answered = 0;
  #failed = 0;

  constructor(options: PlayOptions, progress: BoundedQueue<Progress>, stop: AbortController) {
    this.#options = options;
    this.#progress = progress;
    this.#stop = stop;
    this.#signal = AbortSignal.any([options.signal, stop.signal]);
    this.#stride = Math.max(1, Math.ceil(options.items.length / PROGRESS_EVENTS));
  }

  /** Settles when no request is in flight any more. */
  async run(): Promise<void> {
    const size = Math.min(this.#options.concurrency, this.#options.items.length);
    const lanes = Array.from({ length: size }, () => this.#lane().catch((error: unknown) => this.#stop.abort(error)));
    await Promise.all(lanes);
    this.#signal.throwIfAborted();
  }

  async #lane(): Promise<void> {
    for (let at = this.#next++; at < this.#options.items.length; at = this.#next++) {
      const labelled = this.#options.items[at];
      if (labelled === undefined) return;
      await this.#playOne(labelled);
      this.#report();
    }
  }

  async #playOne({ item, reader }: LabelledItem): Promise<void> {
    this.#signal.throwIfAborted();
    let answer: Answer = { text: "", model: "", modelVersion: "" };
    try {
      answer = await this.#options.ask(item, this.#signal);
      this.#answered += 1;
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#fail(item, error);
    }
    this.#score({ item, reader }, answer);
  }

  #fail(item: Item, error: unknown): void {
    this.#failed += 1;
    if (!(error instanceof ChimeraError)) throw error;
    this.#options.onFailure({ itemId: item.id, error });
    if (this.#answered === 0 && this.#failed >= FAILURES_WITHOUT_ANSWER) {
      const message = `the first ${this.#failed} requests all failed, the last with: ${error.message}`;
      throw new UnavailableError(message, { cause: error });
    }
  }

  #score({ item, reader }: LabelledItem, answer: Answer): void {
    const given = reader.read(answer.text);
    const { target } = reader;
    const predicted = this.#options.classes.has(given) ? given : "";
    const correct = predicted === target;
    this.#options.confusion.add({ target, predicted, correct });
    const { model, modelVersion } = answer;
    this.#options.onScore({ item, target, predicted, correct, model, modelVersion });
  }

  #report(): void {
    this.#done += 1;
    const total = this.#options.items.length;
    if (this.#done % this.#stride !== 0 && this.#done !== total) return;
    this.#progress.push({ done: this.#done, total, failed: this.#failed });
  }
}
