// Puts together what remedies may look at: the log of requests, what the cache says of itself, the slots, and past promises. What
// nobody answers for is left out, and the remedy that needs it says so.
import type { SaturationResponse, StatsResponse, WarmResponse } from "@chimera/contracts/cache";
import type { CacheFinding as FindingMessage } from "@chimera/contracts/events";
import type { Clock } from "@chimera/kernel";
import type { CachePort } from "../act/cache-port.ts";
import type { Records } from "../consume/records.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { scored, settledOf } from "../ledger/settled.ts";
import type {
  CacheFinding,
  CacheObserved,
  CapacityObserved,
  LoggedRequest,
  Observed,
  WarmDryRun,
} from "../predict/observed.ts";
import { pastOf } from "../predict/predicted-change.ts";
import { WARM_LIMITS } from "../remedy/cache-warm-up.ts";
import { growth } from "../window/cache-log.ts";
import type { Window } from "../window/window.ts";

export interface ObserveParts {
  readonly records: Records;
  readonly ledger: Pick<Ledger, "refresh">;
  readonly cache: CachePort;
  readonly capacity: { observed(): CapacityObserved | undefined };
  readonly clock: Clock;
}

/** Share of the candidates that a warm-up would leave cold. */
const CONTROL_SHARE = 0.1;

export async function observe(parts: ObserveParts, windowMs: number): Promise<Observed> {
  const { records, ledger, capacity, clock } = parts;
  const atMs = Math.floor(clock.nowMs());
  const window = { fromMs: atMs - windowMs, toMs: atMs };
  const [cache, loop] = await Promise.all([cacheObserved(parts, window), ledger.refresh()]);
  return {
    ...{ atMs, window, cache },
    seed: atMs % 2 ** 31,
    requests: records.log.in(window),
    capacity: capacity.observed(),
    past: scored(settledOf(loop)).map(({ prediction, realised }) => pastOf(prediction, realised)),
  };
}

/** Undefined where the cache does not answer. */
async function cacheObserved({ cache, records }: ObserveParts, window: Window): Promise<CacheObserved | undefined> {
  const windowMs = window.toMs - window.fromMs;
  const answered = <T>(call: Promise<T>) => call.catch(() => undefined);
  const [stats, saturation, prunable, dryRun] = await Promise.all([
    answered(cache.stats()),
    answered(cache.saturation()),
    answered(cache.prunable()),
    answered(cache.dryRun({ windowMs, ...WARM_LIMITS, controlShare: CONTROL_SHARE })),
  ]);
  if (stats === undefined) return undefined;
  return {
    capacityBytes: Number(stats.capacityBytes),
    bytes: Number(stats.bytes),
    evictions: evictionsIn(records, window, stats),
    create: undefined,
    start: stats.entries === 0n ? "empty" : "as it is",
    dryRun: dryRun && dryRunOf(dryRun, records.log.in(window)),
    findings: records.reviews.newest.map(findingOf),
    saturation: saturation && saturationOf(saturation, prunable ?? { bytes: 0, lossPp: 0 }),
  };
}

/** All of a cache that said nothing of them, so that a window with evictions is never taken for one without. */
function evictionsIn(records: Records, window: Window, stats: StatsResponse): number {
  const spans = records.caches.within(window);
  if (spans.length === 0) return Number(stats.evictions);
  return spans.reduce((sum, { before, samples }) => {
    return sum + growth(before === undefined ? samples : [before, ...samples]).evictions;
  }, 0);
}

function dryRunOf(told: WarmResponse, requests: readonly LoggedRequest[]): WarmDryRun {
  const { predictedHitGainPp, candidates, control, resident, withoutText, requestsRead } = told;
  const answers = Math.max(0, candidates - control - resident - withoutText);
  const tokens = requests.reduce((sum, each) => sum + each.promptTokens + each.completionTokens, 0);
  return {
    ...{ predictedHitGainPp, answers },
    // A dry run spends none: each answer is taken to be as long as the requests of the log are.
    tokens: Math.round((answers * tokens) / Math.max(1, requests.length)),
    requestsRead: Number(requestsRead),
  };
}

function saturationOf({ risk, sizes }: SaturationResponse, prunable: { bytes: number; lossPp: number }) {
  return {
    risk,
    prunableBytes: prunable.bytes,
    pruneLossPp: prunable.lossPp,
    sizes: sizes
      .map(({ capacityBytes, hitRatio, n }) => ({ capacityBytes: Number(capacityBytes), hitRatio, n: Number(n) }))
      .sort((a, b) => a.capacityBytes - b.capacityBytes),
  };
}

function findingOf(finding: FindingMessage): CacheFinding {
  const { kind, text, setting, current, proposed, gainPp, gainLowPp, gainHighPp, n } = finding;
  const isKnown = gainPp !== undefined && gainLowPp !== undefined && gainHighPp !== undefined;
  return {
    ...{ kind, text, setting, current, proposed },
    gainPp: isKnown ? { value: gainPp, low: gainLowPp, high: gainHighPp, level: 0.95 } : undefined,
    n: Number(n),
  };
}
