// The report for programs: every figure in full, nothing rounded.
import type { Figure } from "../figure/figure.ts";
import { phraseText } from "../figure/phrase.ts";
import type { Series } from "../figure/series.ts";
import type { LedgerSummary, PredictionRow } from "../ledger/summary.ts";
import type { ReportedRisk } from "../risk/reported-risk.ts";
import type { Window } from "../window/window.ts";
import type { Advice } from "./advice.ts";
import { isHeld, metricNames, type PromisedGain } from "./promised-gain.ts";
import type { Report } from "./summary.ts";

/** Ends with a newline. A value that is not there is left out, never null or zero. */
export function renderJson(report: Report): string {
  const { measured, law, low, high } = report.capacity ?? {};
  const curves = [...report.ttftCurves, ...report.rateCurves, measured, law, low, high];
  const document = {
    generatedAt: timeJson(report.generatedAtMs),
    machine: report.machine,
    window: windowJson(report.window),
    headline: report.headline.map((figure) => figure.id),
    figures: report.figures.map(withWindow),
    series: curves.flatMap((curve) => (curve === undefined ? [] : [withWindow(curve)])),
    recommendations: report.advice && adviceJson(report.advice),
    ledger: report.ledger && ledgerJson(report.ledger),
    risks: report.risks.map(riskJson),
    notes: report.notes.map(phraseText),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function adviceJson({ recommended, declined }: Advice): object {
  return {
    recommended: recommended.map(({ gains, ...rest }) => ({
      id: rest.remedy,
      ...rest,
      predictions: gains.map(gainJson),
    })),
    declined: declined.map((each) => ({ id: each.remedy, ...each })),
  };
}

function gainJson({ baseline, predicted, predicted50, ...rest }: PromisedGain): object {
  const figures = {
    baseline: withWindow(baseline),
    predicted: withWindow(predicted),
    predicted50: withWindow(predicted50),
  };
  return { ...rest, ...figures };
}

function ledgerJson({ alarm, judgement, figures, open, settled }: LedgerSummary): object {
  return {
    alarm,
    judgement: phraseText(judgement),
    score: figures.map(({ id }) => id),
    open: open.map(rowJson),
    settled: settled.map(rowJson),
  };
}

function rowJson(row: PredictionRow): object {
  const { predicted, realised, ...rest } = row;
  return {
    ...rest,
    metricName: metricNames[row.metric],
    predicted: withWindow(predicted),
    realised: withWindow(realised),
    isHeld: isHeld(row),
  };
}

function riskJson({ sign, trend, signs, done, ...rest }: ReportedRisk): object {
  return {
    ...rest,
    sign: phraseText(sign),
    trend: trend && { first: withWindow(trend.first), second: withWindow(trend.second) },
    signs: signs.map((each) => ({ ...each, value: withWindow(each.value) })),
    done: done.map(({ id }) => id),
  };
}

function withWindow(of: Figure | Series): object {
  return { ...of, window: windowJson(of.window) };
}

function windowJson(window: Window): object {
  return { from: timeJson(window.fromMs), to: timeJson(window.toMs) };
}

function timeJson(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
