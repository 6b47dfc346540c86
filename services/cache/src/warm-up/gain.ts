// What a warm-up gained: requests for warmed questions against requests for questions that were left cold by lot. Questions are
// what was drawn, so whole questions are redrawn for the intervals.
import { create } from "@bufbuild/protobuf";
import { type Estimate, EstimateSchema } from "@chimera/contracts/cache";
import { quantile, type Random } from "@chimera/kernel";

/** What came for one question after the warm-up. */
export interface KeyTally {
  requests: number;
  hits: number;
  /** The first times to first token, at most MAX_TTFT_SAMPLES. */
  ttftMs: number[];
}

export const MAX_TTFT_SAMPLES = 16;
const RESAMPLES = 1000;
const LEVEL = 0.95;
/** Questions of a group that were asked; with fewer an interval would say nothing. */
const MIN_QUESTIONS = 5;

export interface Groups {
  treated: readonly KeyTally[];
  control: readonly KeyTally[];
}

/** Hit ratio of the treated minus that of the control, in percentage points; percentile bootstrap (Efron 1979) over questions. */
export function hitGainPp(groups: Groups, random: Random): Estimate | undefined {
  return estimateOf(groups, random, {
    of: hitRatio,
    compare: (warm, cold) => 100 * (warm - cold),
    observations: ({ requests }) => requests,
  });
}

/** 1 - median TTFT of the treated ÷ that of the control; interval as above. */
export function ttftGain(groups: Groups, random: Random): Estimate | undefined {
  return estimateOf(groups, random, {
    of: medianTtft,
    compare: (warm, cold) => 1 - warm / cold,
    observations: ({ ttftMs }) => ttftMs.length,
  });
}

/** The same estimate times a share that is known. */
export function scaled(estimate: Estimate | undefined, share: number): Estimate | undefined {
  if (estimate === undefined) return undefined;
  const { value, low, high, level, n } = estimate;
  return create(EstimateSchema, { value: value * share, low: low * share, high: high * share, level, n });
}

export function requestsOf(tallies: readonly KeyTally[]): number {
  return tallies.reduce((sum, { requests }) => sum + requests, 0);
}

export function hitsOf(tallies: readonly KeyTally[]): number {
  return tallies.reduce((sum, { hits }) => sum + hits, 0);
}

/** How often each question of a group was drawn. */
type Draw = Float64Array;

interface Statistic {
  of(tallies: readonly KeyTally[]): (draw: Draw) => number;
  compare(warm: number, cold: number): number;
  observations(tally: KeyTally): number;
}

function estimateOf(groups: Groups, random: Random, { of, compare, observations }: Statistic): Estimate | undefined {
  const treated = groups.treated.filter((tally) => observations(tally) > 0);
  const control = groups.control.filter((tally) => observations(tally) > 0);
  if (Math.min(treated.length, control.length) < MIN_QUESTIONS) return undefined;
  const [warm, cold] = [of(treated), of(control)];
  const each = (tallies: readonly KeyTally[]) => new Float64Array(tallies.length).fill(1);
  const value = compare(warm(each(treated)), cold(each(control)));
  if (!Number.isFinite(value)) return undefined;
  const draw = () => compare(warm(drawOf(treated.length, random)), cold(drawOf(control.length, random)));
  const values = Float64Array.from({ length: RESAMPLES }, draw).filter(Number.isFinite).sort();
  const tail = (1 - LEVEL) / 2;
  const n = [...treated, ...control].reduce((sum, tally) => sum + observations(tally), 0);
  return create(EstimateSchema, {
    value,
    low: quantile(values, tail),
    high: quantile(values, 1 - tail),
    level: LEVEL,
    n: BigInt(n),
  });
}

function drawOf(questions: number, random: Random): Draw {
  const draw = new Float64Array(questions);
  for (let i = 0; i < questions; i++) {
    const at = Math.floor(random() * questions);
    draw[at] = (draw[at] ?? 0) + 1;
  }
  return draw;
}

function hitRatio(tallies: readonly KeyTally[]): (draw: Draw) => number {
  return (draw) => {
    let [hits, requests] = [0, 0];
    tallies.forEach((tally, at) => {
      const times = draw[at] ?? 0;
      hits += times * tally.hits;
      requests += times * tally.requests;
    });
    return hits / requests;
  };
}

/** Sorted once for all draws. */
function medianTtft(tallies: readonly KeyTally[]): (draw: Draw) => number {
  const samples = tallies.flatMap(({ ttftMs }, at) => ttftMs.map((value) => ({ value, at })));
  samples.sort((a, b) => a.value - b.value);
  return (draw) => {
    const total = samples.reduce((sum, { at }) => sum + (draw[at] ?? 0), 0);
    let seen = 0;
    for (const { value, at } of samples) {
      seen += draw[at] ?? 0;
      if (seen >= total / 2) return value;
    }
    return Number.NaN;
  };
}
