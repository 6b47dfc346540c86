// What every remedy has: when it applies, what it promises, how it is made and taken back, and how it will be judged. The promise
// and the design of the proof are written before anything is changed.
import type { Metric, Prediction } from "../ledger/prediction.ts";
import type { Observed } from "../predict/observed.ts";
import type { ScaledChange } from "../predict/predicted-change.ts";

export type RemedyId =
  | "cache-warm-up"
  | "cache-policy"
  | "cache-size"
  | "cache-pruning"
  | "parallelisation"
  | "hyperparameter-tuning";

export interface Remedy {
  readonly id: RemedyId;
  readonly title: string;
  /** Undefined where it applies, else the reason why not. */
  precondition(observed: Observed): string | undefined;
  /** Only where the precondition holds. */
  forecast(observed: Observed): Forecast;
}

export type Forecast = GainExpected | NoGain | MeasureFirst;

export interface GainExpected {
  readonly kind: "gain expected";
  /** The first one decides. */
  readonly predictions: readonly [Prediction, ...Prediction[]];
  readonly change: Change;
  readonly undo: Undo;
  readonly proof: ProofDesign;
  /** Share of what the mesh spends today: tokens, slots or memory. Ranks remedies, so that unlike costs can be compared. */
  readonly costShare: number;
}

export interface NoGain {
  readonly kind: "no gain expected";
  readonly why: string;
}

export interface MeasureFirst {
  readonly kind: "measure first";
  readonly what: string;
}

export const noGain = (why: string): NoGain => ({ kind: "no gain expected", why });
export const measureFirst = (what: string): MeasureFirst => ({ kind: "measure first", what });

/** New values of the mesh's settings; what is unset stays. */
export interface SettingsChange {
  readonly cache?: { readonly policy?: string; readonly capacityBytes?: number; readonly ttlS?: number };
  readonly inference?: { readonly slots?: number };
  /** Sampling and prompt settings by name. */
  readonly sampling?: Readonly<Record<string, number | string>>;
}

export type Change =
  | { readonly kind: "settings"; readonly settings: SettingsChange }
  | {
      readonly kind: "warm";
      readonly windowMs: number;
      readonly maxAnswers: number;
      readonly tokenBudget: number;
      readonly controlShare: number;
    }
  | { readonly kind: "prune"; readonly neverHit: true }
  | { readonly kind: "replicas"; readonly replicas: number };

export type Undo =
  | { readonly kind: "previous settings" }
  | { readonly kind: "undo prune" }
  | { readonly kind: "replicas"; readonly replicas: number }
  /** Nothing stays that could do harm. */
  | { readonly kind: "none"; readonly why: string };

/** A bound that ends the trial at once, whatever the metric says. */
export interface Guardrail {
  readonly figure: "error_share" | "ttft_p95_ms" | "refused_share" | "accuracy";
  /** Largest relative rise (for accuracy: largest absolute fall) that is borne. */
  readonly most: number;
}

export interface ProofDesign {
  /**
   * arms: callers split by hash of their session. blocks: the change on and off in turns drawn by lot. control keys: questions
   * left cold by lot. load steps: the same load test with and without.
   */
  readonly kind: "arms" | "blocks" | "control keys" | "load steps";
  readonly metric: Metric;
  /** Of the side that is changed: 0.5 is as many as the other. */
  readonly share: number;
  /** Of one block; undefined for arms. */
  readonly blockMs: number | undefined;
  /** After this it ends, inconclusive where it has not been decided. */
  readonly maxLengthMs: number;
  /** Requests (steps of a load test, items) on each side before a word is said. */
  readonly minN: number;
  readonly guardrails: readonly Guardrail[];
}

/** Of every live trial. */
export const GUARDRAILS: readonly Guardrail[] = [
  { figure: "error_share", most: 0.1 },
  { figure: "ttft_p95_ms", most: 0.2 },
  { figure: "refused_share", most: 0.1 },
];

/** A gain below this is none that anybody would notice. */
export const MIN_GAIN = 0.01;

type Written = "metric" | "method" | "validity" | "assumptions" | "cost" | "decisionRule";

export interface PredictionText extends Pick<Prediction, Written>, ScaledChange {
  readonly baseline: { readonly value: number; readonly n: number };
}

export function predictionOf(remedy: RemedyId, { atMs, window }: Observed, text: PredictionText): Prediction {
  const { baseline, ...rest } = text;
  return {
    id: `${remedy}-${text.metric}-${atMs}`,
    madeAtMs: atMs,
    remedy,
    ...rest,
    baseline: { ...baseline, window },
  };
}

/** The rule of all trials, with the figures of this one. */
export function decisionRule(metric: Metric, { minN, maxLengthMs }: Pick<ProofDesign, "minN" | "maxLengthMs">): string {
  const better = metric === "ttft_p50_ms" ? "below" : "above";
  const minutes = Math.round(maxLengthMs / 60_000);
  return `kept where the 95 % interval of the realised change lies ${better} 0 with at least ${minN} on each side; rolled back where it lies on the other side or a guardrail is passed; inconclusive after ${minutes} min, and then rolled back`;
}
