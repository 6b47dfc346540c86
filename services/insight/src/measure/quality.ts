// Quality of the answers, from data set runs and from live feedback.
import { normalQuantile, seededRandom, wilsonInterval } from "@chimera/kernel";
import { BOOTSTRAP_INTERVAL, bootstrapF1, type Confusion, type F1Intervals, f1Scores } from "@chimera/statistics";
import type { FigureId } from "../figure/definitions.ts";
import { type Figure, figure } from "../figure/figure.ts";
import type { Run, ScoreBook } from "../quality/score-book.ts";
import type { Window } from "../window/window.ts";
import { liveScoreSource } from "./sources.ts";

/** The same counts give the same interval in every report. */
const BOOTSTRAP_SEED = 20260131;
const RESAMPLES = 1000;

export function qualityFigures(scores: ScoreBook, window: Window): readonly Figure[] {
  const holdout = scores.latestRun(window.toMs, "holdout");
  const validation = scores.latestRun(window.toMs, "validation", holdout?.dataset);
  const figures = [
    accuracyFigure("quality.accuracy", holdout, window),
    f1Figure("macroF1", holdout, window),
    f1Figure("microF1", holdout, window),
    liveAccuracy(scores, window),
  ];
  if (validation !== undefined) figures.push(accuracyFigure("quality.validation_accuracy", validation, window));
  if (validation !== undefined && holdout !== undefined) figures.push(gapFigure(validation, holdout));
  return figures;
}

function accuracyFigure(id: FigureId, run: Run | undefined, window: Window): Figure {
  const { n, correct } = run?.confusion ?? { n: 0, correct: 0 };
  return figure({
    id,
    value: n === 0 ? undefined : correct / n,
    n,
    window: windowOf(run, window),
    interval: n === 0 ? undefined : wilsonInterval(correct, n),
    method: "proportion; Wilson 95 % interval",
    source: runSource(run),
  });
}

function f1Figure(score: "macroF1" | "microF1", run: Run | undefined, window: Window): Figure {
  const cells = run?.confusion.cells() ?? [];
  const isClassification = run !== undefined && cells.length > 0;
  return figure({
    id: score === "macroF1" ? "quality.macro_f1" : "quality.micro_f1",
    value: isClassification ? f1Scores(cells)[score] : undefined,
    n: run?.confusion.n ?? 0,
    window: windowOf(run, window),
    interval: isClassification ? f1Intervals(run.confusion)[score] : undefined,
    method: `from confusion counts; 95 % bootstrap, ${BOOTSTRAP_INTERVAL}, ${RESAMPLES} resamples, seed ${BOOTSTRAP_SEED}; none for free text`,
    source: runSource(run),
  });
}

/** Intervals by counts, kept while their run is: a run that is over is resampled once, not once per report. */
const known = new WeakMap<Confusion, { n: number; intervals: F1Intervals }>();

function f1Intervals(confusion: Confusion): F1Intervals {
  const before = known.get(confusion);
  if (before?.n === confusion.n) return before.intervals;
  const intervals = bootstrapF1(confusion.cells(), { resamples: RESAMPLES, random: seededRandom(BOOTSTRAP_SEED) });
  known.set(confusion, { n: confusion.n, intervals });
  return intervals;
}

function liveAccuracy(scores: ScoreBook, window: Window): Figure {
  const { n, correct } = scores.live(window);
  return figure({
    id: "quality.live_accuracy",
    value: n === 0 ? undefined : correct / n,
    n,
    window,
    interval: n === 0 ? undefined : wilsonInterval(correct, n),
    method: "proportion; Wilson 95 % interval",
    source: liveScoreSource,
  });
}

function gapFigure(validation: Run, holdout: Run): Figure {
  const gap = accuracyOf(validation) - accuracyOf(holdout);
  const half = normalQuantile(0.975) * gapStandardError(validation, holdout);
  return figure({
    id: "quality.gap_validation_holdout",
    value: gap,
    n: validation.confusion.n + holdout.confusion.n,
    window: {
      fromMs: Math.min(validation.firstMs, holdout.firstMs),
      toMs: Math.max(validation.lastMs, holdout.lastMs),
    },
    interval: { low: gap - half, high: gap + half, level: 0.95 },
    method: "difference of two independent proportions; normal 95 % interval, unpooled standard error",
    source: `${runSource(validation)}; ${runSource(holdout)}`,
  });
}

function gapStandardError(a: Run, b: Run): number {
  const variance = (run: Run) => (accuracyOf(run) * (1 - accuracyOf(run))) / run.confusion.n;
  return Math.sqrt(variance(a) + variance(b));
}

function accuracyOf(run: Run): number {
  return run.confusion.correct / run.confusion.n;
}

/** A run's figures carry the time of the run, which may lie before the report's window. */
function windowOf(run: Run | undefined, window: Window): Window {
  return run === undefined ? window : { fromMs: run.firstMs, toMs: run.lastMs };
}

function runSource(run: Run | undefined): string {
  if (run === undefined) return 'events.v1.ScoreRecorded with source "dataset", latest run by the end of the window';
  return `events.v1.ScoreRecorded of run ${run.id}: ${run.dataset}, split ${run.split}, model ${run.model} ${run.modelVersion}`;
}
