// When a second replica is asked because the first one is slow: after the time within which most answers begin.
import type { Context } from "../context.ts";

/** Fewer answers say nothing about the tail. */
const MIN_SAMPLES = 50;

/** Undefined where hedging is off or too little is known yet. */
export function hedgeAfterMs({ config, ttfts }: Pick<Context, "config" | "ttfts">): number | undefined {
  if (config.hedgeQuantile === 0 || ttfts.count < MIN_SAMPLES) return undefined;
  return ttfts.quantile(config.hedgeQuantile);
}
