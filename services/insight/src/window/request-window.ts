// The requests of one window, counted and sorted once, so that every figure of a report reads the same selection.
import type { GrpcStatus } from "./grpc-status.ts";
import type { RequestSample } from "./request-ring.ts";
import { contains, type Window } from "./window.ts";

/** All lists ascending, times in milliseconds. */
export interface RequestWindow {
  readonly window: Window;
  /** Requests that arrived in the window, whatever became of them. */
  readonly n: number;
  readonly arrivedMs: Float64Array;
  /** When answers ended OK inside the window, those to requests that arrived before it among them. */
  readonly answeredMs: Float64Array;
  /** Requests that sent a first token. */
  readonly ttftMs: Float64Array;
  readonly ttftHitMs: Float64Array;
  readonly ttftMissMs: Float64Array;
  /** Requests that ended OK. */
  readonly turnMs: Float64Array;
  /** Share of the time to first token that was spent waiting, where an engine answered. */
  readonly waitShare: Float64Array;
  /** Turned away before any work. */
  readonly refused: number;
  readonly cacheHits: number;
  readonly cacheAsked: number;
  readonly completionTokens: number;
  readonly statuses: ReadonlyMap<GrpcStatus, number>;
  /** Sum of all turns of requests that arrived in the window. */
  readonly turnSumMs: number;
  /** Time spent in flight inside the window, requests that arrived before it included. */
  readonly inFlightSumMs: number;
}

export function selectRequests(samples: Iterable<RequestSample>, window: Window): RequestWindow {
  const arrivedMs: number[] = [];
  const answeredMs: number[] = [];
  const ttftMs: number[] = [];
  const ttftHitMs: number[] = [];
  const ttftMissMs: number[] = [];
  const turnMs: number[] = [];
  const waitShare: number[] = [];
  const statuses = new Map<GrpcStatus, number>();
  const sums = { refused: 0, cacheHits: 0, cacheAsked: 0, completionTokens: 0, turnSumMs: 0, inFlightSumMs: 0 };
  for (const sample of samples) {
    sums.inFlightSumMs += overlapMs(sample, window);
    const endedMs = sample.arrivedMs + sample.turnMs;
    if (sample.status === "OK" && contains(window, endedMs)) answeredMs.push(endedMs);
    if (!contains(window, sample.arrivedMs)) continue;
    arrivedMs.push(sample.arrivedMs);
    statuses.set(sample.status, (statuses.get(sample.status) ?? 0) + 1);
    sums.completionTokens += sample.completionTokens;
    sums.turnSumMs += sample.turnMs;
    if (sample.refused) sums.refused += 1;
    if (sample.cache === "hit") sums.cacheHits += 1;
    if (sample.cache === "hit" || sample.cache === "miss") sums.cacheAsked += 1;
    if (sample.status === "OK") turnMs.push(sample.turnMs);
    if (sample.ttftMs === undefined) continue;
    ttftMs.push(sample.ttftMs);
    if (sample.cache === "hit") ttftHitMs.push(sample.ttftMs);
    if (sample.cache === "miss") ttftMissMs.push(sample.ttftMs);
    if (sample.cache !== "hit" && sample.queueMs !== undefined && sample.ttftMs > 0) {
      waitShare.push(Math.min(1, sample.queueMs / sample.ttftMs));
    }
  }
  const sorted = {
    arrivedMs: ascendingOnce(arrivedMs),
    answeredMs: ascendingOnce(answeredMs),
    ttftMs: ascendingOnce(ttftMs),
    ttftHitMs: ascendingOnce(ttftHitMs),
    ttftMissMs: ascendingOnce(ttftMissMs),
    turnMs: ascendingOnce(turnMs),
    waitShare: ascendingOnce(waitShare),
  };
  return {
    window,
    n: arrivedMs.length,
    get arrivedMs() {
      return sorted.arrivedMs();
    },
    get answeredMs() {
      return sorted.answeredMs();
    },
    get ttftMs() {
      return sorted.ttftMs();
    },
    get ttftHitMs() {
      return sorted.ttftHitMs();
    },
    get ttftMissMs() {
      return sorted.ttftMissMs();
    },
    get turnMs() {
      return sorted.turnMs();
    },
    get waitShare() {
      return sorted.waitShare();
    },
    statuses,
    ...sums,
  };
}

/** Part of [arrival, end of the stream] that lies inside the window. */
function overlapMs(sample: RequestSample, window: Window): number {
  const endMs = sample.arrivedMs + sample.turnMs;
  // Taken as it is where it lies inside, so that a window that cuts no request has no rounding error.
  if (sample.arrivedMs >= window.fromMs && endMs <= window.toMs) return sample.turnMs;
  return Math.max(0, Math.min(endMs, window.toMs) - Math.max(sample.arrivedMs, window.fromMs));
}

/** Sorted when it is first read: sorting is most of the work, and not every reader needs every list. */
function ascendingOnce(values: readonly number[]): () => Float64Array {
  let sorted: Float64Array | undefined;
  return () => {
    sorted ??= ascending(values);
    return sorted;
  };
}

/** Typed arrays sort as numbers. */
function ascending(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}
