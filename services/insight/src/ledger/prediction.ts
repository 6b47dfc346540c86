// What is promised before a change and what came of it: the two objects of the loop that nobody may edit afterwards.
import type { IntervalEstimate } from "@chimera/kernel";
import type { Window } from "../window/window.ts";

/** What a remedy says it will move. */
export type Metric = "ttft_p50_ms" | "hit_ratio" | "capacity_rps" | "macro_f1" | "accuracy";

/** The interval of `relative`, at two levels: predictions are scored by how often these hold. */
export interface PredictedChange {
  /** New ÷ old - 1: -0.3 is 30 % less. */
  readonly relative: number;
  readonly interval50: IntervalEstimate;
  readonly interval90: IntervalEstimate;
}

export interface Prediction {
  readonly id: string;
  readonly madeAtMs: number;
  /** Which remedy, for example "cache-warm-up". */
  readonly remedy: string;
  readonly metric: Metric;
  /** Before the change, with what it was measured on. */
  readonly baseline: { readonly value: number; readonly n: number; readonly window: Window };
  readonly change: PredictedChange;
  /** As the method gave it, where `change` was scaled by how past predictions came out; unset where it was not. */
  readonly unscaled?: PredictedChange;
  /** Mean of realised ÷ predicted of the remedy so far, which the method's own result was multiplied by; 1 where unset. */
  readonly pastRatio?: number;
  /** How it was computed, for example "replay of the request log through the cache's policy". */
  readonly method: string;
  /** Where it holds, in words with figures; outside of it the prediction says nothing. */
  readonly validity: string;
  /** How it could be wrong. */
  readonly assumptions: readonly string[];
  /** In words: tokens, seconds, memory. */
  readonly cost: string;
  /** What decides between keeping and rolling back, written before the change. */
  readonly decisionRule: string;
}

export type Verdict = "kept" | "rolled back" | "inconclusive";

export interface Outcome {
  readonly predictionId: string;
  readonly settledAtMs: number;
  /** New ÷ old - 1 as measured on windows after the change; undefined where too little came in. */
  readonly relative: number | undefined;
  readonly interval95: IntervalEstimate | undefined;
  readonly n: number;
  readonly window: Window;
  /** How the comparison was made, for example "randomised blocks of 60 s, 8 on and 8 off". */
  readonly design: string;
  readonly verdict: Verdict;
  readonly reason: string;
}
