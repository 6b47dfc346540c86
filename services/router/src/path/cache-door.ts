// How the stages reach the cache: within a budget, and without ever failing a request.
import type { CacheKeyInput, CacheService, StoredAnswer } from "@chimera/contracts/cache";
import type { RpcClient } from "@chimera/rpc";

export interface CacheDoor {
  /** The stored answer, or why there is none. Never rejects. */
  lookup(input: CacheKeyInput, signal: AbortSignal): Promise<{ answer: StoredAnswer | undefined; reason: string }>;
  /** Never rejects. */
  store(input: CacheKeyInput, answer: StoredAnswer): Promise<void>;
}

/** Stores under way at a time; more are given up, they would only pile up behind a slow cache. */
const MAX_STORES = 256;
/** Failures in a row after which the cache is left alone for a while, so that an outage costs few requests their budget. */
const FAILURES_BEFORE_PAUSE = 3;
const PAUSE_MS = 500;

export interface CacheDoorOptions {
  client: RpcClient<typeof CacheService>["client"];
  budgetMs: number;
  monotonicMs(): number;
  onFailure(error: unknown, during: "lookup" | "store"): void;
}

export function cacheDoor(options: CacheDoorOptions): CacheDoor {
  const { client, budgetMs } = options;
  let pausedUntilMs = 0;
  let failures = 0;
  let stores = 0;
  const failed = (error: unknown, during: "lookup" | "store") => {
    failures += 1;
    if (failures >= FAILURES_BEFORE_PAUSE) pausedUntilMs = options.monotonicMs() + PAUSE_MS;
    options.onFailure(error, during);
  };
  return {
    async lookup(input, signal) {
      if (options.monotonicMs() < pausedUntilMs) return { answer: undefined, reason: "cache unavailable" };
      const budget = startBudget(budgetMs, signal);
      try {
        const { answer, reason } = await client.lookup({ input }, { signal: budget.signal });
        failures = 0;
        return { answer, reason };
      } catch (error) {
        if (signal.aborted) return { answer: undefined, reason: "the caller left" };
        failed(error, "lookup");
        return {
          answer: undefined,
          reason: budget.isSpent() ? `no answer within ${budgetMs} ms` : "cache unavailable",
        };
      } finally {
        budget.end();
      }
    },
    async store(input, answer) {
      if (stores >= MAX_STORES || options.monotonicMs() < pausedUntilMs) return;
      stores += 1;
      const budget = startBudget(budgetMs);
      try {
        await client.store({ input, answer }, { signal: budget.signal });
      } catch (error) {
        failed(error, "store");
      } finally {
        budget.end();
        stores -= 1;
      }
    },
  };
}

/** Made once, since it carries nothing: an error with a stack per slow answer is what an overloaded router needs least. */
const SPENT = new DOMException("the cache's budget is spent", "TimeoutError");

/** A time-out that is taken back when the answer is there; AbortSignal.timeout() would fire all the same. */
function startBudget(budgetMs: number, outer?: AbortSignal) {
  const controller = new AbortController();
  const onOuterAbort = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", onOuterAbort, { once: true });
  if (outer?.aborted) onOuterAbort();
  const timer = setTimeout(() => controller.abort(SPENT), budgetMs);
  return {
    signal: controller.signal,
    isSpent: () => controller.signal.reason === SPENT,
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onOuterAbort);
    },
  };
}
