// Another eviction policy, where a rival simulated beside the one in use is better beyond chance.
import { fromFinding } from "./cache-findings.ts";
import type { Remedy } from "./remedy.ts";

/** The cache learns its order anew. */
const RELEARNING = 0.02;

export const cachePolicy: Remedy = {
  id: "cache-policy",
  title: "Change what the cache keeps",
  precondition({ cache }) {
    if (cache === undefined) return "no cache reported";
    return cache.evictions === 0 ? "nothing was evicted in the window: every policy keeps the same" : undefined;
  },
  forecast: (observed) =>
    fromFinding("cache-policy", observed, {
      kind: "policy",
      settings: ({ proposed }) => ({ cache: { policy: proposed } }),
      costOf: () => ({ cost: "no memory; the new policy learns its order anew", share: RELEARNING }),
    }),
};
