// Overfitting: answers do better on the data that choices were made on than on data nothing was chosen by.
import { phrase } from "../figure/phrase.ts";
import type { FigureSet, Risk, RiskState } from "./risk.ts";

export function overfitting(figures: FigureSet): Risk {
  const gap = figures.get("quality.gap_validation_holdout");
  return {
    id: "overfitting",
    name: "Overfitting",
    state: stateOf(gap?.value, gap?.interval),
    sign:
      gap?.value === undefined
        ? phrase("no validation run and holdout run of one data set to compare")
        : phrase("validation minus holdout accuracy ", gap),
    rule: "watch above 1 standard error of the gap, alarm above 2",
    mitigation:
      "Settle choices on the validation split only, look at the holdout seldom, and add freshly labelled items to it.",
    figureIds: ["quality.gap_validation_holdout", "quality.accuracy"],
    trendOf: "quality.gap_validation_holdout",
    remedies: ["hyperparameter-tuning"],
  };
}

function stateOf(gap: number | undefined, interval: { low: number; high: number } | undefined): RiskState {
  if (gap === undefined || interval === undefined) return "unknown";
  // The interval is 1.96 standard errors to each side.
  const standardError = (interval.high - interval.low) / 2 / 1.959963984540054;
  if (gap > 2 * standardError) return "alarm";
  return gap > standardError ? "watch" : "ok";
}
