// The gate: a proposal is accepted only where a paired look at the holdout leaves no gain of 0, at the level that this look
// still has, and none of the signs that make a gain worthless raises its alarm. A refusal says why and what would help.
import { normalQuantile } from "@chimera/kernel";
import { type PairedDifference, pairedDifference } from "@chimera/statistics";
import { type Compared, fragileOptimumSign, leakSign, lengthDriftSign, sliceRegressionSign } from "./answer-signs.ts";
import type { HoldoutMeter } from "./holdout-meter.ts";
import { type Identified, nearDuplicates } from "./near-duplicates.ts";
import { holdoutBudgetSign, seedVarianceSign } from "./search-signs.ts";
import type { Sign } from "./sign.ts";
import { gainGivenPassed } from "./winners-curse.ts";

export interface HoldoutScores {
  /** By item of the holdout, in its order. */
  readonly baseline: readonly number[];
  readonly candidate: readonly number[];
  /** Conversation or document by item, where items hang together. */
  readonly clusters?: readonly string[] | undefined;
  /** Tokens of the answers, for the drift of their length. */
  readonly tokens?: { readonly baseline: readonly number[]; readonly candidate: readonly number[] } | undefined;
}

export interface Evidence {
  readonly meter: HoldoutMeter;
  readonly holdout: HoldoutScores;
  /** Examples that the proposal shows, and every item it was chosen or is judged by. */
  readonly shots: readonly Identified[];
  readonly items: readonly Identified[];
  /**
   * The proposal, as `baseline`, against itself with one small change each. On items that nothing was chosen by: on those of
   * the search the proposal has its luck, and every neighbour looks worse.
   */
  readonly smallChanges: readonly Compared[];
  readonly slices: readonly Compared[];
  /** Gains of the proposal under other seeds; may be empty where nothing is sampled. */
  readonly gainsBySeed: readonly number[];
}

export interface Reason {
  readonly code:
    | "budget-spent"
    | "no-sure-gain"
    | "leaked-shots"
    | "fragile-optimum"
    | "slice-regression"
    | "seed-variance";
  readonly text: string;
  readonly remedy: string;
}

export interface Judgement {
  readonly verdict: "accepted" | "refused";
  /** Empty where accepted. */
  readonly reasons: readonly Reason[];
  /** Undefined where the holdout was not looked at. */
  readonly gain: Gain | undefined;
  readonly signs: readonly Sign[];
}

export interface Gain {
  /** Corrected for having been reported because it was large enough. */
  readonly value: number;
  /** As measured on the holdout. */
  readonly measured: number;
  /** Of the measured gain, at the level of this look. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly n: number;
}

/** Takes one look from the meter, whose state is to be stored, unless something refuses the proposal without one. */
export function judgeProposal(evidence: Evidence): Judgement {
  const leak = leakSign(nearDuplicates(evidence.shots, evidence.items), evidence.items.length);
  const fragile = fragileOptimumSign(evidence.smallChanges);
  const early = [...reasonOf("leaked-shots", leak), ...reasonOf("fragile-optimum", fragile)];
  // No look is spent on what is refused anyway.
  if (early.length > 0) return refused(early, [leak, fragile, budgetSign(evidence)]);
  const look = evidence.meter.look(evidence.holdout.candidate);
  if (look.kind === "refused") {
    const reason: Reason = { code: "budget-spent", text: look.reason, remedy: look.remedy };
    return refused([reason], [leak, fragile, budgetSign(evidence)]);
  }
  const gain = gainOf(differenceOf(evidence.holdout), look.alpha);
  const slices = sliceRegressionSign(evidence.slices);
  const seeds = seedVarianceSign(evidence.gainsBySeed, gain.measured);
  const signs = [leak, fragile, budgetSign(evidence), slices, seeds, ...lengthSign(evidence.holdout)];
  const reasons = [...noSureGain(gain), ...reasonOf("slice-regression", slices), ...reasonOf("seed-variance", seeds)];
  return { verdict: reasons.length === 0 ? "accepted" : "refused", reasons, gain, signs };
}

function refused(reasons: readonly Reason[], signs: readonly Sign[]): Judgement {
  return { verdict: "refused", reasons, gain: undefined, signs };
}

function budgetSign({ meter }: Evidence): Sign {
  return holdoutBudgetSign({ looks: meter.looks, budget: meter.budget });
}

function lengthSign({ tokens }: HoldoutScores): Sign[] {
  return tokens === undefined ? [] : [lengthDriftSign(tokens.baseline, tokens.candidate)];
}

function differenceOf({ baseline, candidate, clusters }: HoldoutScores): PairedDifference {
  const pairs = baseline.map((first, item) => ({ first, second: candidate[item] ?? 0, cluster: clusters?.[item] }));
  return pairedDifference(pairs);
}

function gainOf({ difference, standardError, n }: PairedDifference, alpha: number): Gain {
  const half = normalQuantile(1 - alpha / 2) * standardError;
  return {
    value: gainGivenPassed({ value: difference, standardError }, half),
    measured: difference,
    low: difference - half,
    high: difference + half,
    level: 1 - alpha,
    n,
  };
}

function noSureGain({ measured, low, high, level, n }: Gain): Reason[] {
  if (low > 0) return [];
  const percent = (level * 100).toFixed(1);
  const text = `on ${n} holdout items the gain is ${pp(measured)}, ${percent} % interval ${pp(low)} to ${pp(high)}: it may be none`;
  return [{ code: "no-sure-gain", text, remedy: "measure on more holdout items, or look for a larger gain" }];
}

function pp(gain: number): string {
  return `${(gain * 100).toFixed(2)} pp`;
}

function reasonOf(code: Reason["code"], { name, value, n, state, rule, mitigation }: Sign): Reason[] {
  if (state !== "alarm") return [];
  return [{ code, text: `${name} is ${Number(value.toPrecision(3))} (n = ${n}); ${rule}`, remedy: mitigation }];
}
