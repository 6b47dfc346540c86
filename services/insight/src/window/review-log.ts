// What each cache last found about its own settings.
import type { CacheFinding, CacheReviewed } from "@chimera/contracts/events";

/** Caches remembered; the one that was silent longest makes room. */
const MAX_REPLICAS = 32;

export class ReviewLog {
  readonly #byReplica = new Map<string, CacheReviewed>();

  push(review: CacheReviewed): void {
    this.#byReplica.delete(review.replica);
    this.#byReplica.set(review.replica, review);
    const oldest = this.#byReplica.keys().next();
    if (this.#byReplica.size > MAX_REPLICAS && !oldest.done) this.#byReplica.delete(oldest.value);
  }

  /** Of the cache that spoke last. */
  get newest(): readonly CacheFinding[] {
    return [...this.#byReplica.values()].at(-1)?.findings ?? [];
  }
}
