// All that a remedy may look at: what was measured, and nothing that was guessed. A part that nobody measured is unset, and a
// remedy that needs it answers "measure first".
import type { IntervalEstimate } from "@chimera/kernel";
import type { Metric } from "../ledger/prediction.ts";
import type { CacheVerdict } from "../window/request-ring.ts";
import type { Window } from "../window/window.ts";
import type { CacheFactory } from "./replay.ts";
import type { CapacityPoint } from "./usl.ts";

/** Requests of the log that a prediction reads; about 200 bytes each. */
export const MAX_LOGGED = 100_000;

export interface LoggedRequest {
  readonly arrivedMs: number;
  /** Of the cache; empty where it was not asked. */
  readonly key: string;
  readonly cache: CacheVerdict;
  /** Undefined where no token was sent. */
  readonly ttftMs: number | undefined;
  /** Undefined where no engine answered. */
  readonly engine: EngineTimes | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** What its answer takes in the cache. */
  readonly answerBytes: number;
}

export interface EngineTimes {
  /** Router's queue and the engine's together. */
  readonly waitMs: number;
  /** From the end of the wait to the first token that left the router. */
  readonly firstTokenMs: number;
  /** From the end of the wait to the end of the stream: how long it held a slot. */
  readonly serviceMs: number;
}

export interface CacheObserved {
  readonly capacityBytes: number;
  readonly bytes: number;
  /** In the window. */
  readonly evictions: number;
  /** Empty caches of the policy in use, for replays; undefined where its code is not at hand. */
  readonly create: CacheFactory | undefined;
  /** Whether the next window begins on an empty cache (restart, new version of the model) or on what the last one left. */
  readonly start: "empty" | "as it is";
  /** What the cache itself promises of a warm-up. */
  readonly dryRun: WarmDryRun | undefined;
  /** Of its last review. */
  readonly findings: readonly CacheFinding[];
  readonly saturation: Saturation | undefined;
}

export interface WarmDryRun {
  readonly predictedHitGainPp: number;
  readonly answers: number;
  readonly tokens: number;
  readonly requestsRead: number;
}

/** As in events.v1.CacheFinding. */
export interface CacheFinding {
  readonly kind: string;
  readonly text: string;
  readonly setting: string;
  readonly current: string;
  readonly proposed: string;
  readonly gainPp: ({ readonly value: number } & IntervalEstimate) | undefined;
  readonly n: number;
}

export interface Saturation {
  readonly risk: string;
  /** Bytes of answers that were never served and had their chance, and the hits their removal is expected to lose. */
  readonly prunableBytes: number;
  readonly pruneLossPp: number;
  /** Hit ratio of the policy in use at several capacities, ascending. */
  readonly sizes: readonly { readonly capacityBytes: number; readonly hitRatio: number; readonly n: number }[];
}

export interface CapacityObserved {
  /** Generations that may run at the same time, over all replicas. */
  readonly slots: number;
  readonly replicas: number;
  /** Highest slot count that the replicas allow without a restart. */
  readonly maxSlots: number;
  /** Of a step-load test: most requests per second within the objective, by slots. */
  readonly curve: readonly CapacityPoint[];
  /** The objective of that test, for example "TTFT p95 at most 500 ms". */
  readonly objective: string;
}

/** What the evaluator proposes after a search, with its word on it. */
export interface TuningObserved {
  /** Settings by name, now and then. */
  readonly from: Readonly<Record<string, number | string>>;
  readonly to: Readonly<Record<string, number | string>>;
  readonly metric: "macro_f1" | "accuracy";
  /** Of the configuration in use, on the holdout. */
  readonly baseline: number;
  /** Absolute, paired on the holdout. */
  readonly gain: { readonly value: number } & IntervalEstimate;
  readonly n: number;
  readonly ttftRatio: number;
  readonly tokensRatio: number;
  readonly isAccepted: boolean;
  readonly reasons: readonly string[];
}

/** One prediction that was settled: relative changes, the predicted one as its method gave it. See pastOf(). */
export interface PastPrediction {
  readonly remedy: string;
  readonly metric: Metric;
  readonly predicted: number;
  readonly realised: number;
}

export interface Observed {
  readonly atMs: number;
  readonly window: Window;
  /** Of all chance in the predictions: the same seed gives the same ones. */
  readonly seed: number;
  /** By arrival, at most MAX_LOGGED; whatever became of them. */
  readonly requests: readonly LoggedRequest[];
  readonly cache?: CacheObserved | undefined;
  readonly capacity?: CapacityObserved | undefined;
  readonly tuning?: TuningObserved | undefined;
  readonly past: readonly PastPrediction[];
  /** Reduction of the median TTFT that was asked for, 0.3 for 30 %; undefined where nobody asked. */
  readonly askedTtftGain?: number | undefined;
}
