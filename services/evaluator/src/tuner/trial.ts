// One configuration and what was measured of it, item by item.
import type { Configuration, Point } from "./space.ts";

export interface ItemMeasurement {
  /** Quality of the answer, usually 0 or 1. */
  readonly score: number;
  readonly ttftMs: number;
  /** Of prompt and answer together: what the answer costs. */
  readonly tokens: number;
}

/** Measured items in columns. */
export interface Measured {
  readonly score: readonly number[];
  readonly ttftMs: readonly number[];
  readonly tokens: readonly number[];
}

export const NOTHING_MEASURED: Measured = { score: [], ttftMs: [], tokens: [] };

export type TrialOutcome =
  // Asked every item of its share.
  | "finished"
  // Given up after a part of its items: behind the best so far, or in the worse part of its rung.
  | "raced-out"
  | "halved-out"
  // Could not be measured.
  | "failed";

export interface Trial {
  readonly index: number;
  readonly configuration: Configuration;
  readonly point: Point;
  readonly outcome: TrialOutcome;
  /** On the items that all trials have in common. */
  readonly search: Measured;
  /** On items no decision of the search has seen; finalists only. */
  readonly final: Measured;
  /** Why it failed; empty otherwise. */
  readonly error: string;
}

export function joined(left: Measured, right: Measured): Measured {
  return {
    score: [...left.score, ...right.score],
    ttftMs: [...left.ttftMs, ...right.ttftMs],
    tokens: [...left.tokens, ...right.tokens],
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

/** Unbiased; 0 below two values. */
export function varianceOf(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return values.reduce((sum, each) => sum + (each - centre) ** 2, 0) / (values.length - 1);
}

/**
 * Variance of a mean score, as if one more item had been right and one wrong: a few perfect answers are no certainty.
 * With binary scores this is the Agresti and Coull estimate.
 */
export function noiseOf(scores: readonly number[]): number {
  return varianceOf([...scores, 0, 1]) / (scores.length + 2);
}
