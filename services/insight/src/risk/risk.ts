// What every risk has: a live sign read from figures, the rule it is held against, and what to do about it.

import type { FigureId } from "../figure/definitions.ts";
import type { Figure } from "../figure/figure.ts";
import type { Phrase } from "../figure/phrase.ts";
import type { RemedyId } from "../remedy/remedy.ts";

/** "unknown" where a figure the rule needs has no value: no data is no all-clear. */
export type RiskState = "ok" | "watch" | "alarm" | "unknown";

export interface Risk {
  readonly id: string;
  readonly name: string;
  readonly state: RiskState;
  readonly sign: Phrase;
  /** When the state changes, with every threshold. */
  readonly rule: string;
  readonly mitigation: string;
  readonly figureIds: readonly FigureId[];
  /** The figure that is compared between the halves of the window. */
  readonly trendOf: FigureId;
  /** Changes that work against it. */
  readonly remedies: readonly RemedyId[];
}

/** Figures of one report by id. */
export type FigureSet = ReadonlyMap<FigureId, Figure>;

export type RiskRule = (figures: FigureSet) => Risk;

const severity: readonly RiskState[] = ["unknown", "ok", "watch", "alarm"];

/** "unknown" where there are none. */
export function worstOf(states: readonly RiskState[]): RiskState {
  return states.reduce(
    (worst, state) => (severity.indexOf(state) > severity.indexOf(worst) ? state : worst),
    "unknown",
  );
}
