// The report for programs: every figure in full, nothing rounded.
import type { Figure } from "../figure/figure.ts";
import { phraseText } from "../figure/phrase.ts";
import type { Series } from "../figure/series.ts";
import type { Window } from "../window/window.ts";
import type { Report } from "./summary.ts";

/** Ends with a newline. A value that is not there is left out, never null or zero. */
export function renderJson(report: Report): string {
  const curves = [...report.ttftCurves, ...report.rateCurves];
  const document = {
    generatedAt: new Date(report.generatedAtMs).toISOString(),
    machine: report.machine,
    window: windowJson(report.window),
    headline: report.headline.map((figure) => figure.id),
    figures: report.figures.map(figureJson),
    series: curves.map(seriesJson),
    risks: report.risks.map((risk) => ({ ...risk, sign: phraseText(risk.sign) })),
    notes: report.notes.map(phraseText),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function figureJson(figure: Figure): object {
  return { ...figure, window: windowJson(figure.window) };
}

function seriesJson(series: Series): object {
  return { ...series, window: windowJson(series.window) };
}

function windowJson(window: Window): object {
  return { from: new Date(window.fromMs).toISOString(), to: new Date(window.toMs).toISOString() };
}
