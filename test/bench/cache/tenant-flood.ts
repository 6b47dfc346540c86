// One tenant floods the cache with answers that it asks for just often enough to look popular. What is left for another tenant?
import { seededRandom } from "@chimera/kernel";
import type { Entry } from "../../../services/cache/src/index/entry.ts";
import { EntryIndex } from "../../../services/cache/src/index/entry-index.ts";
import { NO_QUOTAS, parseTenantQuotas, type TenantQuotas } from "../../../services/cache/src/index/tenant-quotas.ts";
import { createPolicy } from "../../../services/cache/src/policy/policies.ts";
import { createRequests, popularBytes } from "../../../services/cache/src/simulate/index.ts";
import { overRounds } from "../bootstrap.ts";
import { sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";

const SEEDS = 3;
const REQUESTS = 20_000;
const NOT_COUNTED = REQUESTS / 5;
const TENANT = { popular: 1000, alpha: 0.9, uniques: 0.1 };
/** Of the cache, that the tenant's popular answers take: less than its quota of half. */
const POPULAR_SHARE = 0.3;
/** Per request of the tenant, each asked for as often: past the small queue of S3-FIFO. */
const FLOOD = { answers: 4, asked: 4, bytes: 3000 };

export function floodResults(): BenchResult[] {
  const rounds = Array.from({ length: SEEDS }, (_, seed) => ({
    half: hitPp({ seed, cacheShare: 0.5, quotas: NO_QUOTAS }),
    limited: hitPp({ seed, quotas: parseTenantQuotas("{}"), isFlooded: true }),
    unlimited: hitPp({ seed, quotas: NO_QUOTAS, isFlooded: true }),
  }));
  const result = (id: string, flooded: "limited" | "unlimited", how: string): BenchResult => {
    const loss = (some: readonly (typeof rounds)[number][]) =>
      sum(some.map((round) => round.half - round[flooded])) / some.length;
    return {
      id,
      value: loss(rounds),
      unit: "pp",
      n: SEEDS,
      interval: overRounds(rounds, loss),
      method: `Hit ratio of a tenant that has half of the cache for itself minus its hit ratio ${how}, while another tenant stores 4 new answers per request and asks for each 4 times; S3-FIFO, mean over seeds. Interval: percentile bootstrap over seeds.`,
    };
  };
  return [
    result("cache.flood_hit_loss_pp", "limited", "in the whole cache with the default quotas"),
    result("cache.flood_hit_loss_without_quotas_pp", "unlimited", "in the whole cache without quotas"),
  ];
}

interface Play {
  seed: number;
  quotas: TenantQuotas;
  cacheShare?: number;
  isFlooded?: boolean;
}

function hitPp({ seed, quotas, cacheShare = 1, isFlooded = false }: Play): number {
  const options = { ...TENANT, requests: REQUESTS, seed };
  const capacityBytes = Math.round((cacheShare * popularBytes(options)) / POPULAR_SHARE);
  const random = seededRandom(seed);
  const policy = createPolicy<Entry>("s3-fifo", { capacityBytes, random });
  const index = new EntryIndex({ capacityBytes, maxEntries: 1_000_000, policy, quotas, random });
  let hits = 0;
  let asked = 0;
  for (const { key, bytes } of createRequests(options)) {
    const isHit = ask(index, { tenant: "quiet", key, bytes, atMs: asked });
    if (isHit && asked >= NOT_COUNTED) hits += 1;
    for (let answer = 0; isFlooded && answer < FLOOD.answers * FLOOD.asked; answer += 1) {
      const flood = `${asked}-${Math.floor(answer / FLOOD.asked)}`;
      ask(index, { tenant: "flood", key: flood, bytes: FLOOD.bytes, atMs: asked });
    }
    asked += 1;
  }
  return (100 * hits) / (REQUESTS - NOT_COUNTED);
}

function ask(index: EntryIndex, request: { tenant: string; key: string; bytes: number; atMs: number }): boolean {
  const { tenant, bytes, atMs } = request;
  const key = `${tenant}:${request.key}`;
  const entry = index.get(key);
  if (entry !== undefined) return index.used(entry, atMs);
  const times = { storedAtMs: atMs, freshUntilMs: atMs, staleUntilMs: atMs, lastUsedMs: atMs };
  const unused = { model: "tiny", ttftMs: 100, promptTokens: 400, tokens: 100, tags: [], origin: "request" as const };
  if (index.admits(bytes)) index.add({ key, tenant, bytes, hits: 0, ...unused, ...times });
  return false;
}
