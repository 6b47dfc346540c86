// Writes that wait for the disk while requests go on. One batch is in flight, the rest waits here, newest write per key;
// reads look here first, so a write is seen at once.
import { setImmediate } from "node:timers/promises";

export interface WriteBehindOptions<V> {
  /** Values that may wait, in flight included; a further one is refused. */
  maxValues: number;
  /** Sum of their sizes that may wait. */
  maxBytes: number;
  /** Keys that may wait, values and deletes together. */
  maxKeys: number;
  /** Keys per batch. */
  maxBatch: number;
  /** Writes one batch as a whole or fails as a whole. */
  write(batch: readonly Write<V>[]): Promise<void>;
  /** Values that were accepted and could not be written, unless a newer write for the key is waiting. */
  onLost(keys: readonly string[], error: unknown): void;
}

/** `value` undefined: the key is deleted. */
export interface Write<V> {
  key: string;
  value: V | undefined;
  bytes: number;
}

export class WriteBehind<V> {
  readonly #options: WriteBehindOptions<V>;
  /** At most `maxKeys`. */
  #waiting = new Map<string, Write<V>>();
  #inFlight = new Map<string, Write<V>>();
  /** Keys whose delete failed: what they had must not come back at the next start. At most `maxKeys`. */
  readonly #owed = new Set<string>();
  #values = 0;
  #bytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: WriteBehindOptions<V>) {
    this.#options = options;
  }

  /** False where the queue is full; what the key had is deleted then, so that no older value outlives a newer one. */
  put(key: string, value: V, bytes: number): boolean {
    this.#discard(key);
    const isFull = this.#values >= this.#options.maxValues || this.#bytes + bytes > this.#options.maxBytes;
    if (!isFull && this.#enqueue({ key, value, bytes })) return true;
    this.remove(key);
    return false;
  }

  /** False where the queue is full. */
  remove(key: string): boolean {
    this.#discard(key);
    return this.#enqueue({ key, value: undefined, bytes: 0 });
  }

  /** The newest write that is not on disk yet. */
  peek(key: string): Write<V> | undefined {
    const write = this.#waiting.get(key) ?? this.#inFlight.get(key);
    return write ?? (this.#owed.has(key) ? { key, value: undefined, bytes: 0 } : undefined);
  }

  /** Resolves when everything accepted so far is written or reported lost. Deletes that failed before are tried once more. */
  async flush(): Promise<void> {
    this.#retryOwed();
    await this.#running;
  }

  #enqueue(write: Write<V>): boolean {
    if (this.#waiting.size >= this.#options.maxKeys) return false;
    this.#owed.delete(write.key);
    this.#waiting.set(write.key, write);
    this.#count(write, 1);
    this.#running ??= this.#run();
    return true;
  }

  #discard(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    this.#count(waiting, -1);
  }

  #count(write: Write<V>, sign: 1 | -1): void {
    if (write.value === undefined) return;
    this.#values += sign;
    this.#bytes += sign * write.bytes;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        await setImmediate();
        const batch = this.#takeBatch();
        this.#inFlight = new Map(batch.map((write) => [write.key, write]));
        await this.#writeBatch(batch);
        this.#inFlight = new Map();
        for (const write of batch) this.#count(write, -1);
      }
    } finally {
      // In the same step as the last look at what waits: a write in between would wait for a run that is over.
      this.#running = undefined;
    }
  }

  #takeBatch(): Write<V>[] {
    const batch: Write<V>[] = [];
    for (const write of this.#waiting.values()) {
      if (batch.length === this.#options.maxBatch) break;
      batch.push(write);
      this.#waiting.delete(write.key);
    }
    return batch;
  }

  async #writeBatch(batch: readonly Write<V>[]): Promise<void> {
    try {
      await this.#options.write(batch);
      this.#retryOwed();
    } catch (error) {
      this.#owe(batch);
      const lost = batch.filter((write) => write.value !== undefined && !this.#waiting.has(write.key));
      this.#options.onLost(
        lost.map((write) => write.key),
        error,
      );
    }
  }

  #owe(batch: readonly Write<V>[]): void {
    for (const { key, value } of batch) {
      if (value === undefined && !this.#waiting.has(key) && this.#owed.size < this.#options.maxKeys)
        this.#owed.add(key);
    }
  }

  #retryOwed(): void {
    for (const key of this.#owed) this.#enqueue({ key, value: undefined, bytes: 0 });
  }
}
