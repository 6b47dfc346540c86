// What a tuning run proposes: the configuration, what it does to quality, time and tokens against the one in use, and how
// that was found out. Search scores stand apart from confirmed ones: the first were chosen by, the second were not.
import type { PairedDifference } from "@chimera/statistics";
import { difference, hypervolume, type Objectives, objectivesOf, paretoFront, ttftMsP95 } from "./pareto.ts";
import type { Configuration } from "./space.ts";
import { type Measured, mean, type Trial } from "./trial.ts";

export interface Measurements extends Objectives {
  readonly ttftMsP95: number;
  readonly n: number;
}

export interface SettingsProposal {
  readonly configuration: Configuration;
  readonly baseline: Configuration | undefined;
  /** Smoothed quality over all items of search and finals; what the choice was made by. */
  readonly estimate: { readonly mean: number; readonly sd: number };
  /** Of the luckiest trial, for comparison: what a choice by the highest score would have reported. */
  readonly highestScore: number;
  /** On the confirmation items; undefined without them. */
  readonly confirmed: Measurements | undefined;
  readonly confirmedBaseline: Measurements | undefined;
  /** Proposal minus baseline, paired over the confirmation items. */
  readonly tradeOff: TradeOff | undefined;
  readonly front: readonly FrontPoint[];
  /** Of the front, up to quality 0 and a tenth beyond the slowest and the longest measured. */
  readonly hypervolume: number;
  readonly trials: number;
  readonly itemsSpent: number;
}

export interface TradeOff {
  readonly quality: PairedDifference;
  readonly ttftMs: PairedDifference;
  readonly tokens: PairedDifference;
}

export interface FrontPoint extends Measurements {
  readonly trial: number;
  readonly configuration: Configuration;
}

export interface Findings {
  readonly winner: Trial;
  readonly baseline: Configuration | undefined;
  readonly confirmed: Measured;
  readonly confirmedBaseline: Measured | undefined;
  readonly estimate: { readonly mean: number; readonly sd: number };
  readonly trials: readonly Trial[];
  readonly itemsSpent: number;
}

export function proposalOf(findings: Findings): SettingsProposal {
  const { winner, baseline, confirmed, confirmedBaseline, estimate, trials, itemsSpent } = findings;
  const measured = trials.filter(({ search }) => search.score.length > 0);
  const front = paretoFront(measured);
  return {
    configuration: winner.configuration,
    baseline,
    estimate,
    highestScore: Math.max(...measured.map(({ search }) => mean(search.score))),
    confirmed: measurementsOf(confirmed),
    confirmedBaseline: confirmedBaseline && measurementsOf(confirmedBaseline),
    tradeOff: tradeOffOf(confirmed, confirmedBaseline),
    front: front.flatMap(({ index, configuration, search }) => {
      const measurements = measurementsOf(search);
      return measurements === undefined ? [] : [{ trial: index, configuration, ...measurements }];
    }),
    hypervolume: hypervolume(
      front.map(({ search }) => objectivesOf(search)),
      worstOf(measured.map(({ search }) => objectivesOf(search))),
    ),
    trials: trials.length,
    itemsSpent,
  };
}

function tradeOffOf(confirmed: Measured, baseline: Measured | undefined): TradeOff | undefined {
  if (baseline === undefined || confirmed.score.length === 0) return undefined;
  return {
    quality: difference(confirmed.score, baseline.score),
    ttftMs: difference(confirmed.ttftMs, baseline.ttftMs),
    tokens: difference(confirmed.tokens, baseline.tokens),
  };
}

function measurementsOf(measured: Measured): Measurements | undefined {
  if (measured.score.length === 0) return undefined;
  return { ...objectivesOf(measured), ttftMsP95: ttftMsP95(measured), n: measured.score.length };
}

function worstOf(points: readonly Objectives[]): Objectives {
  return {
    quality: 0,
    ttftMs: 1.1 * Math.max(...points.map(({ ttftMs }) => ttftMs)),
    tokens: 1.1 * Math.max(...points.map(({ tokens }) => tokens)),
  };
}
