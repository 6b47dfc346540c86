// Counts since the start, and what the cache holds now.
import { create } from "@bufbuild/protobuf";
import {
  type SimilarQuestions,
  SimilarQuestionsSchema,
  type StatsResponse,
  StatsResponseSchema,
  type TenantUse,
  TenantUseSchema,
} from "@chimera/contracts/cache";
import type { Context } from "../context.ts";
import type { EntryIndex } from "../index/entry-index.ts";
import type { SemanticStatistics } from "../semantic/semantic-match.ts";

/** Tenants that are told of, those with the most bytes first. */
const MAX_TENANTS = 1000;

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
      joins: BigInt(context.leases.joins),
      misses: BigInt(figures.misses),
      stores: BigInt(figures.stores),
      evictions: BigInt(figures.evictions),
      refusals: BigInt(figures.refusals),
      storeErrors: BigInt(figures.storeErrors),
      store: context.storeKind,
      policy: context.index.policyName,
      shadows: context.shadows.policies().map(({ policy, lookups, hits, sampleShare }) => {
        return { policy, lookups: BigInt(lookups), hits: BigInt(hits), sampleShare };
      }),
      tenants: tenantUses(context.index),
      undoBytes: BigInt(figures.undoBytes),
      ...(context.semantic && { similar: similarOf(context.semantic.statistics()) }),
    });
  };
}

function similarOf({ wrongShare, ...counts }: SemanticStatistics): SimilarQuestions {
  return create(SimilarQuestionsSchema, {
    questions: BigInt(counts.questions),
    hits: BigInt(counts.hits),
    explored: BigInt(counts.explored),
    exploredWrong: BigInt(counts.exploredWrong),
    audited: BigInt(counts.audited),
    withoutEmbedding: BigInt(counts.withoutEmbedding),
    ...(!Number.isNaN(wrongShare) && { wrongShare }),
  });
}

export function tenantUses(index: Pick<EntryIndex, "tenants">): TenantUse[] {
  return index
    .tenants()
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MAX_TENANTS)
    .map(({ tenant, entries, bytes, quotaBytes }) =>
      create(TenantUseSchema, {
        tenant,
        entries: BigInt(entries),
        bytes: BigInt(bytes),
        quotaBytes: quotaBytes === undefined ? undefined : BigInt(quotaBytes),
      }),
    );
}
