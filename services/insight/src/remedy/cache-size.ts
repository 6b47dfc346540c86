// More room for answers, where it would be used.
import { fromFinding } from "./cache-findings.ts";
import type { Remedy } from "./remedy.ts";
import { mebibytes } from "./words.ts";

export const cacheSize: Remedy = {
  id: "cache-size",
  title: "Give the cache more room",
  precondition({ cache }) {
    if (cache === undefined) return "no cache reported";
    return cache.evictions === 0 ? "nothing was evicted in the window: there is room" : undefined;
  },
  forecast: (observed) =>
    fromFinding("cache-size", observed, {
      kind: "size",
      settings: ({ proposed }) => ({ cache: { capacityBytes: Number(proposed) } }),
      costOf({ current, proposed }) {
        const more = Number(proposed) - Number(current);
        return { cost: `${mebibytes(more)} more memory`, share: more / Number(current) };
      },
    }),
};
