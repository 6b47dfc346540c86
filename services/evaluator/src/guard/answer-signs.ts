// Early signs in the answers of a proposal: where its mean hides a loss, where it stands on an edge, where it was told the
// answers, and what else changed with it.
import { normalQuantile } from "@chimera/kernel";
import { type PairedDifference, pairedDifference, Reliability } from "@chimera/statistics";
import type { NearDuplicate } from "./near-duplicates.ts";
import { type Sign, stateOf, unknown } from "./sign.ts";

/** Chance that any of several comparisons gives a false alarm: an honest proposal passes a handful of such rules. */
const ALPHA = 0.01;
const MIN_SLICE = 20;

export interface Compared {
  readonly name: string;
  readonly baseline: readonly number[];
  readonly candidate: readonly number[];
}

/** What a small change of the proposal does to its scores: a knob moved by 5 to 10 %, a reworded prompt, other shot order. */
export function fragileOptimumSign(changes: readonly Compared[]): Sign {
  const worst = worstOf(changes);
  return {
    name: "drop beside the optimum",
    ...(worst === undefined
      ? unknown(0)
      : {
          value: worst.difference,
          n: worst.n,
          state: stateOf({
            watch: -worst.difference > worst.standardError,
            alarm: isSurelyBelow(worst, changes.length),
          }),
        }),
    rule: `paired over the items: watch where the worst of ${changes.length} small changes costs more than 1 standard error, alarm where it costs for sure (${ALPHA} over all)`,
    mitigation: "choose the middle of the good region, not its edge",
  };
}

export function sliceRegressionSign(slices: readonly Compared[]): Sign {
  const large = slices.filter(({ baseline }) => baseline.length >= MIN_SLICE);
  const worst = worstOf(large);
  return {
    name: worst === undefined ? "worst slice" : `worst slice: ${worst.name}`,
    ...(worst === undefined
      ? unknown(0)
      : {
          value: worst.difference,
          n: worst.n,
          state: stateOf({ watch: -worst.difference > worst.standardError, alarm: isSurelyBelow(worst, large.length) }),
        }),
    rule: `slices of ${MIN_SLICE} items and more: watch where the worst lost more than 1 standard error, alarm where it lost for sure (${ALPHA} over all)`,
    mitigation: "keep the old settings for this slice, or tune with its loss as a limit",
  };
}

/** Examples that the proposal shows, against the items it is judged by. */
export function leakSign(pairs: readonly NearDuplicate[], items: number): Sign {
  const leaked = new Set(pairs.map(({ right }) => right)).size;
  return {
    name: "shots among the evaluation items",
    ...(items === 0 ? unknown(0) : { value: leaked / items, n: items, state: leaked > 0 ? "alarm" : "ok" }),
    rule: "alarm from the first evaluation item that is a near-duplicate of a shot",
    mitigation: "take shots from the train side only and split near-duplicates together",
  };
}

export interface Confident {
  readonly confidence: number;
  readonly correct: boolean;
}

/** Worse calibration beside better accuracy: the proposal learned to be bold. */
export function calibrationSign(baseline: readonly Confident[], candidate: readonly Confident[]): Sign {
  const [before, after] = [baseline, candidate].map(errorsOf) as [number, number];
  const n = Math.min(baseline.length, candidate.length);
  const value = after - before;
  const isMoreAccurate = shareCorrect(candidate) > shareCorrect(baseline);
  return {
    name: "calibration error",
    ...(n < 100
      ? unknown(n)
      : { value, n, state: stateOf({ watch: value > 0.02, alarm: value > 0.05 && isMoreAccurate }) }),
    rule: "rise of the expected calibration error (10 bins of equal mass): watch above 0.02, alarm above 0.05 while accuracy rises",
    mitigation: "fit the temperature of the confidences on the train side again",
  };
}

/** Tokens of the answers to the same items. */
export function lengthDriftSign(baseline: readonly number[], candidate: readonly number[]): Sign {
  const { n, difference, interval } = paired({ name: "", baseline, candidate });
  const before = baseline.reduce((sum, each) => sum + each, 0) / Math.max(baseline.length, 1);
  const value = difference / before;
  const isSure = interval !== undefined && (interval.low > 0 || interval.high < 0);
  const watch = isSure && Math.abs(value) > 0.1;
  return {
    name: "answer length",
    ...(n < 2 || before === 0
      ? unknown(n)
      : { value, n, state: stateOf({ watch, alarm: watch && Math.abs(value) > 0.25 }) }),
    rule: "relative change, paired, for sure not 0: watch above 0.1, alarm above 0.25",
    mitigation: "check max_tokens, stop texts and truncated answers; weigh the tokens in the choice",
  };
}

export interface Agreement {
  readonly kappa: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Agreement of judge and people, from earlier and latest labels. */
export function judgeAgreementSign(earlier: Agreement, latest: Agreement): Sign {
  const value = latest.kappa - earlier.kappa;
  return {
    name: "judge against people",
    ...(Math.min(earlier.n, latest.n) < 30
      ? unknown(latest.n)
      : {
          value,
          n: latest.n,
          state: stateOf({ watch: latest.kappa < earlier.low, alarm: latest.high < earlier.low }),
        }),
    rule: "kappa below its earlier interval: watch; its whole interval below: alarm",
    mitigation: "label items by hand again and repair the judge before any score of it is used",
  };
}

/** From a two-sample test of the inputs, for example of population stability. */
export function inputDriftSign({ value, pValue, n }: { value: number; pValue: number; n: number }): Sign {
  return {
    name: "input drift",
    ...(n < 100 ? unknown(n) : { value, n, state: stateOf({ watch: pValue < 0.05, alarm: pValue < 0.001 }) }),
    rule: "p of the test against the items tuned on: watch below 0.05, alarm below 0.001",
    mitigation: "bring live items into the data sets and tune again",
  };
}

interface Named extends PairedDifference {
  readonly name: string;
}

function paired({ name, baseline, candidate }: Compared): Named {
  const pairs = baseline.map((first, item) => ({ first, second: candidate[item] ?? 0 }));
  return { name, ...pairedDifference(pairs) };
}

/** By standard errors: a small slice must not be the worst by chance. */
function worstOf(changes: readonly Compared[]): Named | undefined {
  const compared = changes.map(paired).filter(({ n }) => n >= 2);
  const inErrors = ({ difference, standardError }: Named) => (difference === 0 ? 0 : difference / standardError);
  return compared.sort((a, b) => inErrors(a) - inErrors(b))[0];
}

/** Bonferroni over the comparisons. */
function isSurelyBelow({ difference, standardError }: Named, comparisons: number): boolean {
  return difference + normalQuantile(1 - ALPHA / comparisons) * standardError < 0;
}

function errorsOf(answers: readonly Confident[]): number {
  const reliability = new Reliability();
  for (const { confidence, correct } of answers) reliability.add(confidence, correct);
  return reliability.expectedCalibrationError(10, "equal-mass");
}

function shareCorrect(answers: readonly Confident[]): number {
  return answers.filter(({ correct }) => correct).length / answers.length;
}
