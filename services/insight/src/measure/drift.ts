// Whether the second half of the window looks like the first: how long answers are, and how often they are right.
import { quantile, type Random } from "@chimera/kernel";
import { populationStabilityTest, twoProportions } from "@chimera/statistics";
import type { Records } from "../consume/records.ts";
import { type Figure, figure } from "../figure/figure.ts";
import { contains, firstHalf, secondHalf, type Window } from "../window/window.ts";
import { answerSource, liveScoreSource } from "./sources.ts";

/** Answers in each half: with fewer, ten bins are mostly chance. */
const MIN_ANSWERS = 200;
/** Scored answers in each half. */
const MIN_SCORED = 30;
const BINS = 10;
const RESAMPLES = 400;
const ALPHA = 0.01;

export function driftFigures(records: Records, window: Window, random: Random): readonly Figure[] {
  return [...answerLength(records, window, random), liveAccuracyChange(records, window)];
}

function answerLength({ requests }: Records, window: Window, random: Random): readonly Figure[] {
  const [before, now]: [number[], number[]] = [[], []];
  const [first, second] = [firstHalf(window), secondHalf(window)];
  for (const { status, arrivedMs, completionTokens } of requests) {
    if (status !== "OK") continue;
    if (contains(first, arrivedMs)) before.push(completionTokens);
    else if (contains(second, arrivedMs)) now.push(completionTokens);
  }
  const isEnough = Math.min(before.length, now.length) >= MIN_ANSWERS;
  const test = isEnough ? stabilityTest(before, now, random) : undefined;
  const shared = { n: before.length + now.length, window, source: answerSource };
  const method = `population stability index over tenths of the first half; none below ${MIN_ANSWERS} answers in each half`;
  return [
    figure({ ...shared, id: "drift.answer_length_psi", value: test?.psi, method }),
    figure({
      ...shared,
      id: "drift.answer_length_psi_chance",
      value: test?.critical,
      method: `${RESAMPLES} pairs drawn from both halves together`,
    }),
  ];
}

function stabilityTest(before: readonly number[], now: readonly number[], random: Random) {
  const sorted = Float64Array.from(before).sort();
  // Lengths are whole numbers: where many are alike, tenths fall on the same one.
  const edges = [...new Set(Array.from({ length: BINS - 1 }, (_, i) => quantile(sorted, (i + 1) / BINS)))];
  const counted = (values: readonly number[]) => {
    const counts = new Array<number>(edges.length + 1).fill(0);
    for (const value of values) {
      const bin = edges.filter((edge) => edge < value).length;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  };
  return populationStabilityTest(
    { reference: counted(before), current: counted(now), alpha: ALPHA },
    { resamples: RESAMPLES, random },
  );
}

function liveAccuracyChange({ scores }: Records, window: Window): Figure {
  const [before, now] = [scores.live(firstHalf(window)), scores.live(secondHalf(window))];
  const isEnough = Math.min(before.n, now.n) >= MIN_SCORED;
  const change = isEnough
    ? twoProportions({ successes: now.correct, n: now.n }, { successes: before.correct, n: before.n })
    : undefined;
  return figure({
    id: "drift.live_accuracy_change",
    value: change?.difference,
    n: before.n + now.n,
    window,
    interval: change?.interval,
    method: `difference of two proportions; Newcombe 95 % interval; none below ${MIN_SCORED} scored answers in each half`,
    source: liveScoreSource,
  });
}
