// Looks at the cache's own settings at an interval and tells the mesh what it found. Changes nothing itself.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CacheFindingSchema, CacheReviewedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import { FailedPreconditionError } from "@chimera/kernel";
import type { PruneResult, Pruner } from "../pruning/pruner.ts";
import type { Signs } from "../saturation/signs.ts";
import type { SemanticMatch } from "../semantic/semantic-match.ts";
import { type Finding, findingsOf, type PolicyShadow } from "./findings.ts";

export interface ReviewerOptions {
  bus: Pick<EventBus, "publish">;
  replica: string;
  ttlSeconds: number;
  signs(): Promise<Signs>;
  shadows(): readonly PolicyShadow[];
  pruner: Pick<Pruner, "prune">;
  semantic?: Pick<SemanticMatch, "statistics"> | undefined;
}

/** Where nothing was evicted yet, an answer had its chance after so long. */
const SETTLED_MS = 600_000;

export class Reviewer {
  readonly #options: ReviewerOptions;
  #last: readonly Finding[] = [];
  #isRunning = false;

  constructor(options: ReviewerOptions) {
    this.#options = options;
  }

  /** What the last review found. */
  get last(): readonly Finding[] {
    return this.#last;
  }

  /** Every `intervalMs` from now on; returns how to end it. */
  every(intervalMs: number, onError: (error: unknown) => void): () => void {
    const timer = setInterval(() => void this.review().catch(onError), intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  async review(): Promise<readonly Finding[]> {
    if (this.#isRunning) return this.#last;
    this.#isRunning = true;
    try {
      const { signs, shadows, ttlSeconds, semantic } = this.#options;
      const measured = await signs();
      const prune = await this.#neverServed(measured);
      this.#last = findingsOf({
        ...{ signs: measured, shadows: shadows(), ttlSeconds, prune },
        similar: semantic?.statistics(),
      });
      this.#publish(measured.atMs);
      return this.#last;
    } finally {
      this.#isRunning = false;
    }
  }

  async #neverServed({ evictionAgeMs }: Signs): Promise<PruneResult | undefined> {
    const criteria = { neverHit: true, unusedForMs: evictionAgeMs ?? SETTLED_MS, tenant: "", model: "", tag: "" };
    try {
      return await this.#options.pruner.prune(criteria, { dryRun: true });
    } catch (error) {
      // Somebody is pruning right now.
      if (error instanceof FailedPreconditionError) return undefined;
      throw error;
    }
  }

  #publish(atMs: number): void {
    const { bus, replica } = this.#options;
    const findings = this.#last.map(({ gainPp, n, ...rest }) =>
      create(CacheFindingSchema, {
        ...rest,
        n: BigInt(n),
        ...(gainPp && { gainPp: gainPp.value, gainLowPp: gainPp.low, gainHighPp: gainPp.high }),
      }),
    );
    const message = create(CacheReviewedSchema, { replica, at: timestampFromMs(atMs), findings });
    bus.publish({ kind: "cacheReviewed", message }, `${replica}-reviewed-${atMs}`);
  }
}
