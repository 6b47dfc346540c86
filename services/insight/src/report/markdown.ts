// The report for a terminal, a pull request or a chat.
import type { Figure } from "../figure/figure.ts";
import { formatCount, formatFigure, formatInterval, formatTime } from "../figure/format.ts";
import { phraseText } from "../figure/phrase.ts";
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
    "## Risks",
    "",
    ...table(
      ["Risk", "State", "Live sign", "Rule", "Mitigation"],
      report.risks.map((risk) => [risk.name, risk.state, phraseText(risk.sign), risk.rule, risk.mitigation]),
    ),
    "",
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => oneLine(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
