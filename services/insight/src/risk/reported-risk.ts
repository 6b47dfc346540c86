// A risk with what surrounds it: where its figure is going, what the evaluator's guard says, and what was done about it.
import { type Figure, figure } from "../figure/figure.ts";
import type { PredictionRow } from "../ledger/summary.ts";
import type { Window } from "../window/window.ts";
import { type GuardSign, type ReportedSign, reportedSigns } from "./guard-signs.ts";
import { type FigureSet, type Risk, worstOf } from "./risk.ts";

/** One figure in the two halves of the window. */
export interface Trend {
  readonly first: Figure;
  readonly second: Figure;
}

export interface ReportedRisk extends Risk {
  /** Undefined where the figure has no value in one of the halves. */
  readonly trend: Trend | undefined;
  /** Of the evaluator's guard; empty where it was not asked. */
  readonly signs: readonly ReportedSign[];
  /** Changes against it that are under way or settled, the newest first. */
  readonly done: readonly PredictionRow[];
}

/** Changes shown beside a risk. */
const MAX_DONE = 3;

export interface Surroundings {
  readonly window: Window;
  readonly halves: { readonly first: FigureSet; readonly second: FigureSet };
  readonly signs: readonly GuardSign[];
  /** Of the ledger, the newest first. */
  readonly rows: readonly PredictionRow[];
}

export function reportedRisk(risk: Risk, { window, halves, signs: given, rows }: Surroundings): ReportedRisk {
  const signs = reportedSigns(risk.id, given, window);
  const remedies: readonly string[] = risk.remedies;
  return {
    ...risk,
    state: worstOf([risk.state, ...signs.map(({ state }) => state)]),
    trend: trendOf(risk, halves),
    signs,
    done: rows.filter(({ remedy, phase }) => remedies.includes(remedy) && phase !== "proposed").slice(0, MAX_DONE),
  };
}

function trendOf({ id, trendOf: figureId }: Risk, halves: Surroundings["halves"]): Trend | undefined {
  const [first, second] = [halves.first.get(figureId), halves.second.get(figureId)];
  if (first?.value === undefined || second?.value === undefined) return undefined;
  return {
    first: figure({ ...first, of: `${id}, first half` }),
    second: figure({ ...second, of: `${id}, second half` }),
  };
}
