// A map whose values come into being when they are asked for, and that forgets the idle ones rather than grow.

export interface ForgetfulMapOptions<V> {
  make(key: string): V;
  /** Nothing is lost with it: a new one would be the same. */
  isIdle(value: V): boolean;
  /** It can not be let go of. Their number is bounded elsewhere. */
  isBusy(value: V): boolean;
  /** Kept at most, not counting the busy ones. */
  max: number;
}

export class ForgetfulMap<V> {
  readonly #options: ForgetfulMapOptions<V>;
  readonly #values = new Map<string, V>();
  #sweepAt: number;

  constructor(options: ForgetfulMapOptions<V>) {
    this.#options = options;
    this.#sweepAt = options.max;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Undefined where there is none; `get` makes one. */
  peek(key: string): V | undefined {
    return this.#values.get(key);
  }

  get(key: string): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    if (this.#values.size >= this.#sweepAt) this.#sweep();
    const made = this.#options.make(key);
    this.#values.set(key, made);
    return made;
  }

  entries(): Iterable<[string, V]> {
    return this.#values;
  }

  values(): Iterable<V> {
    return this.#values.values();
  }

  clear(): void {
    this.#values.clear();
  }

  /** The idle ones first, then the oldest, until half is free: so each sweep is paid for by many additions. */
  #sweep(): void {
    const { max, isIdle, isBusy } = this.#options;
    for (const [key, value] of this.#values) if (!isBusy(value) && isIdle(value)) this.#values.delete(key);
    for (const [key, value] of this.#values) {
      if (this.#values.size <= max / 2) break;
      if (!isBusy(value)) this.#values.delete(key);
    }
    this.#sweepAt = Math.max(max, 2 * this.#values.size);
  }
}
