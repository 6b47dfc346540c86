// What every scorer is: it takes answers one by one, holds counts and not items, and tells figures with their intervals.
import type { IntervalEstimate } from "@chimera/kernel";
import type { Cell, ClassScore, ReliabilityBin } from "@chimera/statistics";

export interface Answered {
  /** Accepted answers, at least one; the first is the one to learn from. */
  readonly targets: readonly string[];
  readonly answer: string;
  /** Items with the same one are not independent (a conversation, a document). All items name one, or none does. */
  readonly cluster?: string | undefined;
  /** What the system believed, by label. */
  readonly probabilities?: Readonly<Record<string, number>> | undefined;
}

export interface ScoreFigure {
  readonly name: string;
  readonly value: number;
  readonly n: number;
  /** Clusters told apart; undefined where items were taken as independent. */
  readonly clusters: number | undefined;
  /** Undefined where there is none, or too little to have one. */
  readonly interval: IntervalEstimate | undefined;
  /** Where the interval comes from, with every choice that shapes it. */
  readonly method: string;
}

export interface ScoreReport {
  readonly figures: readonly ScoreFigure[];
  readonly classes?: readonly ClassScore[];
  readonly confusion?: readonly Cell[];
  readonly reliability?: readonly ReliabilityBin[];
}

export interface Scorer {
  /**
   * Counts one answer. Returns the item's own score between 0 and 1, which is what paired comparisons are made of; undefined
   * where the score belongs to the whole set alone.
   */
  add(answered: Answered): number | undefined;
  /** Of all answers so far; may be asked for again. */
  report(): ScoreReport;
}
