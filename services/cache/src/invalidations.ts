// What must not be served any more: the last invalidations, against which everything that is about to be kept is held.
import type { EntryFacts } from "./index/entry.ts";

/** Everything that fits all the names that are not empty, made by a request that came before. */
export interface Invalidation {
  /** Equal ids are the same invalidation. */
  id: string;
  tenant: string;
  model: string;
  tag: string;
  /** Whole milliseconds since the epoch: what began until then is covered. */
  untilMs: number;
}

export type InvalidationScope = Pick<Invalidation, "tenant" | "model" | "tag">;

type Covered = Pick<EntryFacts, "tenant" | "model" | "tags">;

export function fitsScope({ tenant, model, tag }: InvalidationScope, facts: Covered): boolean {
  return (
    (tenant === "" || tenant === facts.tenant) &&
    (model === "" || model === facts.model) &&
    (tag === "" || facts.tags.includes(tag))
  );
}

const MAX_INVALIDATIONS = 1024;

export class Invalidations {
  /** In the order they came; at most `max`. */
  readonly #recent = new Map<string, Invalidation>();
  /** Those of them that resident entries were not all held against yet. */
  readonly #unswept = new Set<Invalidation>();
  readonly #max: number;
  #newestMs = Number.NEGATIVE_INFINITY;
  /** Latest time of those that had to be forgotten: whatever is older counts as covered, which costs a miss and no more. */
  #forgottenUntilMs = Number.NEGATIVE_INFINITY;

  constructor(max = MAX_INVALIDATIONS) {
    this.#max = max;
  }

  /** False where it is known already. */
  add(invalidation: Invalidation): boolean {
    if (this.#recent.has(invalidation.id)) return false;
    if (this.#recent.size >= this.#max) this.#forgetOldest();
    this.#recent.set(invalidation.id, invalidation);
    this.#unswept.add(invalidation);
    this.#newestMs = Math.max(this.#newestMs, invalidation.untilMs);
    return true;
  }

  /** Whether an answer that began then must not be kept. */
  covers(facts: Covered, beganAtMs: number): boolean {
    if (beganAtMs > this.#newestMs) return false;
    if (beganAtMs <= this.#forgottenUntilMs) return true;
    for (const invalidation of this.#recent.values()) {
      if (beganAtMs <= invalidation.untilMs && fitsScope(invalidation, facts)) return true;
    }
    return false;
  }

  /** Whether an answer that was stored then, and is resident, must not be served. */
  coversResident(facts: Covered, storedAtMs: number): boolean {
    for (const invalidation of this.#unswept) {
      if (storedAtMs <= invalidation.untilMs && fitsScope(invalidation, facts)) return true;
    }
    return false;
  }

  /** Nothing that is resident fits it any more. */
  swept(invalidation: Invalidation): void {
    this.#unswept.delete(invalidation);
  }

  #forgetOldest(): void {
    for (const { id, untilMs } of this.#recent.values()) {
      this.#recent.delete(id);
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, untilMs);
      return;
    }
  }
}
