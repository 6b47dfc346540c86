// The traffic that `chimera start` plays: support tickets of several tenants, some of them asked again and again.
import { setTimeout as wait } from "node:timers/promises";
import { CacheStatus, Role } from "@chimera/contracts/common";
import { type Clock, quantile } from "@chimera/kernel";
import { type PlannedRequest, type WorkloadOptions, workload } from "@chimera/tickets";
import { type Generation, generate, type RouterClient } from "../generation.ts";
import { type PlayProgress, type PlayResult, play } from "./player.ts";

/** A workload that fails more often than this has failed as a whole. */
export const MAX_FAILED_SHARE = 0.01;

const REQUEST_TIMEOUT_MS = 30_000;
/** A label is a handful of tokens; greedy answers repeat, so the cache may keep them. */
const SAMPLING = { temperature: 0, maxTokens: 24 };

/** Twelve tenants; 60 % of the requests ask one of 24 popular tickets of their tenant. */
export const TRAFFIC_SHAPE = { tenants: 12, popularShare: 0.6, popularCount: 24 } as const;

export type Played = PlayResult<PlannedRequest, Generation>;

export interface TrafficOptions {
  router: RouterClient;
  workload: WorkloadOptions;
  clock: Clock;
  signal: AbortSignal;
  onProgress(progress: PlayProgress): void;
}

export function playTraffic({ router, workload: plan, clock, signal, onProgress }: TrafficOptions): Promise<Played> {
  return play({
    plan: workload(plan),
    send: ({ tenant, ticket }) =>
      generate({
        router,
        tenant,
        request: { messages: [{ role: Role.USER, content: ticket.input }], sampling: SAMPLING },
        clock,
        signal,
        timeoutMs: REQUEST_TIMEOUT_MS,
      }),
    clock,
    sleep: (ms, stop) => wait(ms, undefined, { signal: stop }).catch(() => {}),
    signal,
    onProgress,
  });
}

export interface TrafficSummary {
  planned: number;
  answered: number;
  failed: number;
  notSent: number;
  hits: number;
  ttftMsP50: number;
  ttftMsP95: number;
  lagMsP99: number;
  /** Requests over the time from the first to the last answer. */
  ratePerS: number;
  failuresByReason: readonly (readonly [reason: string, count: number])[];
}

/** TTFT on the client's own clock; percentiles by linear interpolation. */
export function summarize(played: Played): TrafficSummary {
  const ttftMs = played.answered.flatMap(({ result }) => result.ttftMs ?? []).sort((a, b) => a - b);
  const reasons = Map.groupBy(played.failures, ({ error }) => (error instanceof Error ? error.message : String(error)));
  return {
    planned: played.planned,
    answered: played.answered.length,
    failed: played.failures.length,
    notSent: played.notSent,
    hits: played.answered.filter(({ result }) => isHit(result)).length,
    ttftMsP50: quantile(ttftMs, 0.5),
    ttftMsP95: quantile(ttftMs, 0.95),
    lagMsP99: quantile(played.lagMs, 0.99),
    ratePerS: (played.planned * 1000) / played.wallMs,
    failuresByReason: [...reasons].map(([reason, list]) => [reason, list.length] as const).sort((a, b) => b[1] - a[1]),
  };
}

function isHit({ accepted }: Generation): boolean {
  return accepted?.cache?.status === CacheStatus.HIT || accepted?.cache?.status === CacheStatus.STALE;
}

export function hasFailed({ planned, failed, notSent }: TrafficSummary): boolean {
  return planned === 0 || (failed + notSent) / planned > MAX_FAILED_SHARE;
}
