// Signs of a cache that is too small, or full of what nobody asks for: measured, not judged (see risk.ts).
import { type Clock, quantile } from "@chimera/kernel";
import type { Answers } from "../answers.ts";
import type { Entry } from "../index/entry.ts";
import type { Eviction } from "../index/evictions.ts";
import { inSlices } from "../slices.ts";
import type { RecentTraffic } from "./traffic-window.ts";

export interface TenantUse {
  tenant: string;
  entries: number;
  bytes: number;
  /** Undefined: no limit of its own. */
  quotaBytes: number | undefined;
}

export interface SizeForecast {
  capacityBytes: number;
  hitRatio: number;
  n: number;
}

/** What is read of the index. */
export interface SaturatedIndex {
  readonly bytes: number;
  readonly capacityBytes: number;
  readonly size: number;
  entries(): Iterable<Entry>;
  /** The last ones, a bounded number. */
  recentEvictions(): readonly Eviction[];
  tenants(): readonly TenantUse[];
}

export interface SignsOptions {
  answers: Pick<Answers, "traffic">;
  index: SaturatedIndex;
  /** Expected hit ratio at other capacities. */
  sizes(): readonly SizeForecast[];
  clock: Clock;
}

export interface Signs {
  atMs: number;
  traffic: RecentTraffic;
  bytes: number;
  capacityBytes: number;
  /** Of the capacity. */
  fill: number;
  /** Evictions that the next two are made from. */
  evictions: number;
  /** Median time from last use to eviction; undefined where nothing was evicted. */
  evictionAgeMs: number | undefined;
  /** Of the answers that left or are older than that age, those that were never served. */
  neverHitShare: number;
  neverHitN: number;
  /** Bytes of resident answers that were never served and are older than that age. */
  neverHitBytes: number;
  /** Of the misses, those for answers evicted not long ago. */
  ghostHitShare: number;
  /** Answers stored per hit. */
  writeToHit: number;
  /** Of the bytes held, those of answers past their time. */
  overdueShare: number;
  tenants: readonly TenantUse[];
  sizes: readonly SizeForecast[];
}

/** Where nothing was evicted yet, an answer that was not served for so long counts as never served. */
const SETTLED_MS = 600_000;

export async function measureSigns({ answers, index, sizes, clock }: SignsOptions): Promise<Signs> {
  const atMs = Math.floor(clock.nowMs());
  const evicted = index.recentEvictions();
  const ages = evicted.map(({ ageMs }) => ageMs).sort((a, b) => a - b);
  const evictionAgeMs = ages.length === 0 ? undefined : quantile(ages, 0.5);
  const residents = await judgeResidents({ index, clock }, atMs, evictionAgeMs ?? SETTLED_MS);
  const traffic = answers.traffic.recent();
  const misses = traffic.lookups - traffic.hits;
  const neverHit = residents.neverHit + evicted.filter(({ hits }) => hits === 0).length;
  const neverHitN = residents.settled + evicted.length;
  return {
    atMs,
    traffic,
    bytes: index.bytes,
    capacityBytes: index.capacityBytes,
    fill: index.bytes / index.capacityBytes,
    evictions: evicted.length,
    evictionAgeMs,
    neverHitShare: share(neverHit, neverHitN),
    neverHitN,
    neverHitBytes: residents.neverHitBytes,
    ghostHitShare: share(traffic.ghostHits, misses),
    writeToHit: traffic.stores / Math.max(1, traffic.hits),
    overdueShare: share(residents.overdueBytes, index.bytes),
    tenants: index.tenants(),
    sizes: sizes(),
  };
}

/** `settledMs`: age from which an answer had its chance. */
async function judgeResidents(
  { index, clock }: Pick<SignsOptions, "index" | "clock">,
  atMs: number,
  settledMs: number,
): Promise<{ settled: number; neverHit: number; neverHitBytes: number; overdueBytes: number }> {
  const found = { settled: 0, neverHit: 0, neverHitBytes: 0, overdueBytes: 0 };
  const visit = (entry: Entry) => {
    if (atMs >= entry.freshUntilMs) found.overdueBytes += entry.bytes;
    if (atMs - entry.storedAtMs < settledMs) return;
    found.settled += 1;
    if (entry.hits > 0) return;
    found.neverHit += 1;
    found.neverHitBytes += entry.bytes;
  };
  await inSlices(index.entries(), visit, { clock });
  return found;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
