// Counts since the start, and what the cache holds now.
import { create } from "@bufbuild/protobuf";
import { type StatsResponse, StatsResponseSchema } from "@chimera/contracts/cache";
import type { Context } from "../context.ts";

export function stats(context: Context) {
  return (): StatsResponse => {
    const figures = context.answers.statistics();
    return create(StatsResponseSchema, {
      entries: BigInt(figures.entries),
      bytes: BigInt(figures.bytes),
      capacityBytes: BigInt(figures.capacityBytes),
      hits: BigInt(figures.hits),
      staleHits: BigInt(figures.staleHits),
      warmHits: BigInt(figures.warmHits),
      misses: BigInt(figures.misses),
      stores: BigInt(figures.stores),
      evictions: BigInt(figures.evictions),
      refusals: BigInt(figures.refusals),
      storeErrors: BigInt(figures.storeErrors),
      store: context.storeKind,
    });
  };
}
