// A first-in first-out queue that refuses instead of growing. One reader iterates it; writers learn at once when it is full.
import { assert } from "./assert.ts";
import { Deferred } from "./deferred.ts";

export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #head = 0;
  #closed = false;
  #wake: Deferred<void> | undefined;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, `queue capacity must be a positive integer, got ${capacity}`);
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** False where the queue is full or closed; the value was not taken then. */
  push(value: T): boolean {
    if (this.#closed || this.size >= this.#capacity) return false;
    this.#items.push(value);
    this.#wake?.resolve();
    return true;
  }

  /** Readers still get what is queued, then the end. */
  close(): void {
    this.#closed = true;
    this.#wake?.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.size > 0) yield this.#take();
      if (this.#closed) return;
      this.#wake = new Deferred();
      await this.#wake.promise;
      this.#wake = undefined;
    }
  }

  #take(): T {
    const value = this.#items[this.#head] as T;
    this.#head += 1;
    // Shifting once per half keeps the removal amortised constant.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return value;
  }
}
