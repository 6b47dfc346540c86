// The sections of the Markdown report on the loop: recommendations, and predicted beside realised.
import type { Figure } from "../figure/figure.ts";
import { formatCount, formatFigure, formatInterval, formatLevel, formatTime } from "../figure/format.ts";
import { phraseText } from "../figure/phrase.ts";
import type { LedgerSummary, PredictionRow } from "../ledger/summary.ts";
import type { Advice, Advised } from "./advice.ts";
import { oneLine, table } from "./markdown-table.ts";
import { isHeld, metricNames, type PromisedGain } from "./promised-gain.ts";

export function adviceLines(advice: Advice | undefined): string[] {
  if (advice === undefined) return ["## Recommendations", "", "No recommendations have been made yet.", ""];
  const { recommended, declined } = advice;
  const none = "Nothing is recommended: no change is expected to gain enough.";
  return [
    "## Recommendations",
    "",
    ...(recommended.length === 0 ? [none] : recommended.flatMap(advised)),
    "",
    ...(declined.length === 0
      ? []
      : [
          ...table(
            ["Not recommended", "Answer", "Why"],
            declined.map(({ title, kind, why }) => [title, kind, why]),
          ),
          "",
        ]),
  ];
}

function advised({ title, gains }: Advised, index: number): string[] {
  const [first] = gains;
  const terms = first === undefined ? [] : termsOf(first);
  return [`${index + 1}. **${oneLine(title)}**`, ...gains.map(promised), ...terms];
}

function promised({ metricName, predicted, predicted50, baseline }: PromisedGain): string {
  const { window } = baseline;
  const from = `from ${formatFigure(baseline)} (n ${formatCount(baseline.n)}, ${formatTime(window.fromMs)} to ${formatTime(window.toMs)})`;
  return `   - Predicted, ${metricName}: **${formatFigure(predicted)}** (${withLevel(predicted)}; ${withLevel(predicted50)}) ${from}`;
}

function termsOf({ cost, validity, decisionRule, method, assumptions }: PromisedGain): string[] {
  const terms = [`Cost: ${cost}`, `Holds: ${validity}`, `Decided by: ${decisionRule}`, `Method: ${method}`];
  if (assumptions.length > 0) terms.push(`Assumes: ${assumptions.join("; ")}`);
  return terms.map((term) => `   - ${oneLine(term)}`);
}

/** `totals`: what all changes together came to. */
export function ledgerLines(ledger: LedgerSummary | undefined, totals: readonly Figure[]): string[] {
  if (ledger === undefined) return ["## Predicted and realised", "", "No ledger was read.", ""];
  const rows = [...ledger.open, ...ledger.settled];
  const head = ["Change", "Predicted", "Realised", "n", "Verdict", "90 % interval", "Why", "Rule"];
  return [
    "## Predicted and realised",
    "",
    `Past predictions: ${phraseText(ledger.judgement)}.`,
    "",
    ...(rows.length === 0 ? ["No change has been predicted yet."] : table(head, rows.map(rowCells))),
    "",
    ...table(
      ["Score", "Value", "95 % interval", "n"],
      [...ledger.figures, ...totals].map((each) => [
        each.name,
        formatFigure(each),
        formatInterval(each),
        formatCount(each.n),
      ]),
    ),
    "",
  ];
}

function rowCells(row: PredictionRow): string[] {
  const { id, remedy, metric, predicted, realised, verdict, phase, reason, decisionRule } = row;
  const held = isHeld(row);
  return [
    `${remedy}, ${metricNames[metric]} (${id})`,
    valueAndInterval(predicted),
    valueAndInterval(realised),
    formatCount(realised.n),
    verdict ?? phase,
    held === undefined ? "" : held ? "held" : "missed",
    reason ?? "",
    decisionRule,
  ];
}

function valueAndInterval(figure: Figure): string {
  return figure.interval === undefined ? formatFigure(figure) : `${formatFigure(figure)} (${withLevel(figure)})`;
}

function withLevel(figure: Figure): string {
  return figure.interval === undefined ? "no interval" : `${formatLevel(figure)}: ${formatInterval(figure)}`;
}
