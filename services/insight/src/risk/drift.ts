// Drift: the answers of today are not those that quality was measured on.
import type { Figure } from "../figure/figure.ts";
import { phrase } from "../figure/phrase.ts";
import { type FigureSet, type Risk, type RiskState, worstOf } from "./risk.ts";

/** Customary for ten bins; below, a shift is real but small. */
const PSI_WATCH = 0.1;
const PSI_ALARM = 0.25;
/** Accuracy that is lost at least, in every reading of the interval. */
const LOSS_ALARM = 0.05;

export function drift(figures: FigureSet): Risk {
  const length = figures.get("drift.answer_length_psi");
  const chance = figures.get("drift.answer_length_psi_chance");
  const accuracy = figures.get("drift.live_accuracy_change");
  return {
    id: "drift",
    name: "Drift",
    state: worstOf([lengthState(length?.value, chance?.value), accuracyState(accuracy)]),
    sign:
      length === undefined || accuracy === undefined || (length.value ?? accuracy.value) === undefined
        ? phrase("too few answers in each half of the window to compare")
        : phrase("stability index of answer length ", length, ", accuracy of live answers ", accuracy),
    rule: `second half against first: watch from a stability index of ${PSI_WATCH} that is above what chance gives in 1 % of cases, alarm from ${PSI_ALARM}; watch where the 95 % interval of the accuracy change lies below 0, alarm where it lies below -${LOSS_ALARM * 100} pp`,
    mitigation:
      "Score live answers, add freshly labelled items to the data set, and settle the configuration anew on it.",
    figureIds: ["drift.answer_length_psi", "drift.answer_length_psi_chance", "drift.live_accuracy_change"],
    trendOf: "quality.live_accuracy",
    remedies: ["hyperparameter-tuning"],
  };
}

function lengthState(index: number | undefined, chance: number | undefined): RiskState {
  if (index === undefined || chance === undefined) return "unknown";
  if (index <= chance || index < PSI_WATCH) return "ok";
  return index >= PSI_ALARM ? "alarm" : "watch";
}

function accuracyState(change: Figure | undefined): RiskState {
  if (change?.interval === undefined) return "unknown";
  const { high } = change.interval;
  if (high < -LOSS_ALARM) return "alarm";
  return high < 0 ? "watch" : "ok";
}
