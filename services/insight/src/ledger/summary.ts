// What a report shows of the ledger: predicted beside realised, failures included, and how good all predictions were.
import { type Figure, figure, type Measurement } from "../figure/figure.ts";
import { type Phrase, phrase } from "../figure/phrase.ts";
import { ledgerSource } from "../measure/sources.ts";
import type { Window } from "../window/window.ts";
import { type Calibration, type Coverage, calibration, MIN_PREDICTIONS } from "./calibration.ts";
import type { LoopState, Phase, PredictionState } from "./loop-state.ts";
import type { Metric, Verdict } from "./prediction.ts";
import { type Settled, settledOf } from "./settled.ts";

/** Newest settled predictions that are shown one by one. */
const MAX_ROWS = 20;

export interface PredictionRow {
  readonly id: string;
  readonly remedy: string;
  readonly metric: Metric;
  readonly phase: Phase;
  /** With its 90 % interval. */
  readonly predicted: Figure;
  /** With its 95 % interval; without a value until it is measured. */
  readonly realised: Figure;
  readonly verdict: Verdict | undefined;
  readonly reason: string | undefined;
  readonly decisionRule: string;
}

export interface LedgerSummary {
  /** How good the predictions were; without values below MIN_PREDICTIONS of them. */
  readonly figures: readonly Figure[];
  readonly alarm: Calibration["alarm"]["state"];
  /** What the alarm says, for the reader. */
  readonly judgement: Phrase;
  readonly settled: readonly PredictionRow[];
  readonly open: readonly PredictionRow[];
}

export function ledgerSummary(loop: LoopState, nowMs: number): LedgerSummary {
  const settled = settledOf(loop);
  const found = calibration(settled);
  const figures = scoreFigures(found, spanOf(settled, nowMs));
  const states = [...loop.predictions.values()];
  return {
    figures,
    alarm: found.alarm.state,
    judgement: judgementOf(found, figures),
    settled: states
      .filter(({ outcome }) => outcome !== undefined)
      .slice(-MAX_ROWS)
      .reverse()
      .map(rowOf),
    open: states.filter(({ outcome }) => outcome === undefined).map(rowOf),
  };
}

function scoreFigures(found: Calibration, window: Window): readonly Figure[] {
  const isEnough = found.n >= MIN_PREDICTIONS;
  const build = (of: Omit<Measurement, "window" | "source">) =>
    figure({ ...of, window, source: ledgerSource, ...(!isEnough && { value: undefined, interval: undefined }) });
  const { bias, brier, intervalScore } = found;
  return [
    figure({
      ...{ id: "loop.predictions", n: found.n, window, source: ledgerSource, method: "count" },
      value: found.n === 0 ? undefined : found.n,
    }),
    build({ id: "loop.coverage_90", ...shareOf(found.coverage90) }),
    build({ id: "loop.coverage_50", ...shareOf(found.coverage50) }),
    build({
      id: "loop.bias",
      value: bias?.mean,
      n: bias?.n ?? 0,
      interval: bias?.interval,
      method: "mean of ratios; 95 % t interval",
    }),
    build({
      id: "loop.interval_score_ratio",
      value: intervalScore && intervalScore.noChange > 0 ? intervalScore.mean / intervalScore.noChange : undefined,
      n: found.n,
      method: "ratio of mean interval scores at level 90 %",
    }),
    build({
      id: "loop.brier",
      value: brier?.mean,
      n: brier?.n ?? 0,
      method: "probability from a normal distribution through the 90 % interval",
    }),
    build({ id: "loop.share_kept", value: brier?.shareKept, n: brier?.n ?? 0, method: "proportion" }),
  ];
}

function shareOf({ covered, n, band }: Coverage): Pick<Measurement, "value" | "n" | "interval" | "method"> {
  return {
    value: n === 0 ? undefined : covered / n,
    n,
    interval: n === 0 ? undefined : band,
    method: "proportion; Wilson 95 % interval",
  };
}

function judgementOf({ alarm }: Calibration, figures: readonly Figure[]): Phrase {
  const [count, coverage] = figures;
  if (count === undefined || coverage === undefined || alarm.state === "unknown") {
    return phrase("not enough predictions", ...(count === undefined ? [] : [" (", count, ")"]));
  }
  if (alarm.state === "ok") return phrase("intervals held as often as they should: ", coverage);
  return phrase("intervals held too rarely among the newest predictions; over all: ", coverage);
}

function rowOf({ prediction, phase, outcome }: PredictionState): PredictionRow {
  const { id, remedy, metric, change, baseline, method, decisionRule } = prediction;
  const of = `${ledgerSource}, prediction ${id}`;
  return {
    ...{ id, remedy, metric, phase, decisionRule },
    predicted: figure({
      id: "loop.predicted_change",
      of: id,
      value: baseline.n === 0 ? undefined : change.relative,
      n: baseline.n,
      window: baseline.window,
      interval: baseline.n === 0 ? undefined : change.interval90,
      method,
      source: of,
    }),
    realised: figure({
      id: "loop.realised_change",
      of: id,
      value: outcome?.n === 0 ? undefined : outcome?.relative,
      n: outcome?.n ?? 0,
      window: outcome?.window ?? baseline.window,
      interval: outcome?.n === 0 || outcome?.relative === undefined ? undefined : outcome.interval95,
      method: outcome?.design || "not measured",
      source: of,
    }),
    verdict: outcome?.verdict,
    reason: outcome?.reason,
  };
}

/** From the first promise to the last result. */
function spanOf(settled: readonly Settled[], nowMs: number): Window {
  const fromMs = Math.min(nowMs, ...settled.map(({ prediction }) => prediction.madeAtMs));
  return { fromMs, toMs: Math.max(fromMs, ...settled.map(({ outcome }) => outcome.settledAtMs)) };
}
