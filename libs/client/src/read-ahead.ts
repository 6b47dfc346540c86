// What has arrived and was not read yet, bounded: a writer that is too far ahead waits. One writer, one reader.

export class ReadAhead<T> implements AsyncIterableIterator<T, undefined> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #closed = false;
  #error: unknown;
  /** More than one only where somebody asks for the next before the last has come. */
  #readers: (() => void)[] = [];
  #wakeWriter: (() => void) | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Resolves when there is room again. What comes after the end is dropped. */
  async push(value: T): Promise<void> {
    if (this.#closed) return;
    this.#items.push(value);
    this.#wakeReaders();
    while (this.#items.length >= this.#capacity && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** The reader still gets what is here, then the end or the error. */
  end(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#wakeReaders();
    this.#wakeWriter?.();
  }

  /** Forgets what was not read. */
  clear(): void {
    this.#items.length = 0;
    this.#wakeWriter?.();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#items.length === 0) {
      if (this.#closed) {
        const error = this.#error;
        this.#error = undefined;
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    const value = this.#items.shift() as T;
    this.#wakeWriter?.();
    return { done: false, value };
  }

  /** The reader leaves. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.clear();
    this.end();
    return { done: true, value: undefined };
  }

  /** The reader can not go on; Connect demands this of whatever it reads. */
  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wakeReaders(): void {
    for (const wake of this.#readers.splice(0)) wake();
  }
}
