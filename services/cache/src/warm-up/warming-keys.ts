// Answers that a warm-up is having made at a router. The router stores them like any other, so the cache has to know them itself.

export interface StoreVerdict {
  stored: boolean;
  /** Why not, or empty. */
  reason: string;
}

export class WarmingKeys {
  /** By store key; at most as many as a warm-up makes at a time. */
  readonly #waiting = new Map<string, (verdict: StoreVerdict) => void>();

  get size(): number {
    return this.#waiting.size;
  }

  has(storeKey: string): boolean {
    return this.#waiting.has(storeKey);
  }

  /** What became of the answer once it comes to be stored. `forget` must be called in the end. */
  expect(storeKey: string): { verdict: Promise<StoreVerdict>; forget(): void } {
    const { promise, resolve } = Promise.withResolvers<StoreVerdict>();
    this.#waiting.set(storeKey, resolve);
    return { verdict: promise, forget: () => void this.#waiting.delete(storeKey) };
  }

  settled(storeKey: string, verdict: StoreVerdict): void {
    this.#waiting.get(storeKey)?.(verdict);
  }
}
