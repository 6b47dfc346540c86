// Tells whoever watches an engine that its load changed: once per turn of the event loop, however many changes it brought.

export class LoadListeners {
  /** Bounded by who may watch: the load reporter and the watchers a replica admits. */
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Immediate | undefined;

  /** Returns the end of the subscription. */
  add(listener: () => void): () => void {
    // An own function per subscription, so that one listener may subscribe twice.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  changed(): void {
    if (this.#listeners.size === 0) return;
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      for (const listener of this.#listeners) listener();
    });
  }
}
