// The report for a terminal, a pull request or a chat.
import type { Figure } from "../figure/figure.ts";
import { formatCount, formatFigure, formatInterval, formatTime } from "../figure/format.ts";
import { phraseText } from "../figure/phrase.ts";
import { isRaised } from "../risk/guard-signs.ts";
import type { ReportedRisk } from "../risk/reported-risk.ts";
import { adviceLines, ledgerLines } from "./markdown-loop.ts";
import { oneLine, table } from "./markdown-table.ts";
import type { Report } from "./summary.ts";

/** Ends with a newline. */
export function renderMarkdown(report: Report): string {
  const { window } = report;
  const lines = [
    "# Chimera: executive summary",
    "",
    `Window ${formatTime(window.fromMs)} to ${formatTime(window.toMs)}, written ${formatTime(report.generatedAtMs)}.`,
    ...(report.machine === undefined ? [] : [`Machine: ${oneLine(report.machine)}.`]),
    "",
    ...table(["Figure", "Value", "95 % interval", "n"], report.headline.map(figureRow)),
    "",
    ...report.notes.flatMap((note) => [`> ${phraseText(note)}`, ""]),
    ...adviceLines(report.advice),
    "## Risks",
    "",
    ...table(
      ["Risk", "State", "Live sign", "First half → second half", "Rule", "Mitigation", "What was done"],
      report.risks.map(riskRow),
    ),
    "",
    ...ledgerLines(
      report.ledger,
      report.figures.filter(({ id }) => id.startsWith("total.")),
    ),
    "## All figures",
    "",
    ...table(
      ["Figure", "Value", "95 % interval", "n", "Definition"],
      report.figures.map((figure) => [...figureRow(figure), figure.definition]),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function figureRow(figure: Figure): string[] {
  return [figure.name, formatFigure(figure), formatInterval(figure), formatCount(figure.n)];
}

function riskRow({ name, state, sign, signs, trend, rule, mitigation, done }: ReportedRisk): string[] {
  const guard = signs
    .filter(isRaised)
    .map((each) => `guard: ${each.name} ${formatFigure(each.value)}, ${each.state} (${each.rule})`);
  const deeds = done.map(
    ({ id, remedy, predicted, realised, verdict, phase }) =>
      `${remedy} (${id}): predicted ${formatFigure(predicted)}, realised ${formatFigure(realised)}, ${verdict ?? phase}`,
  );
  return [
    name,
    state,
    [phraseText(sign), ...guard].join("; "),
    trend === undefined
      ? "no data"
      : `${trend.first.name}: ${formatFigure(trend.first)} → ${formatFigure(trend.second)}`,
    rule,
    mitigation,
    deeds.length === 0 ? "nothing" : deeds.join("; "),
  ];
}
