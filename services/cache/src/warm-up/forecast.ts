// Whether a question will be asked in the next window, from when it was asked in the last one. How far the past is to be
// believed is fitted on the log itself: from its earlier part to its last one, never on the part that was counted.
import type { AskedKey, Demand } from "./demand.ts";

/** What a question must have been asked to be a candidate: a single request says nothing about a second one. */
export const MIN_ASKED = 2;
/** Questions asked about as often are believed to the same degree. Lower bounds of the classes. */
const CLASSES = [MIN_ASKED, 4, 10] as const;
/** Below so many questions a class, or the whole log, has nothing to fit. */
const MIN_FIT_KEYS = 20;
/** Of the rate of the past, where nothing could be fitted. */
const UNFITTED = 0.5;
/** Bounds of a fitted factor. */
const [LEAST, MOST] = [0.01, 4];
const HALVINGS = 40;

export interface ForecastOptions {
  /** Age at which a past request counts half. */
  halfLifeMs: number;
  /** Length of the window that is forecast. */
  horizonMs: number;
}

export interface Forecast {
  /** Requests for it that are expected in the next window. */
  expected(asked: AskedKey): number;
  /** Requests of all kinds that are expected in the next window. */
  readonly expectedRequests: number;
  /** Questions the fit rests on; 0 where nothing could be fitted. */
  readonly fittedOn: number;
}

/**
 * A question's share of the requests, from decayed counts, times the requests that are expected. The factor of a class makes the
 * number of questions that came back in the last `horizonMs` of the log (at most its second half), told from the rest alone, equal
 * to what Poisson arrivals predict. Shares hold where traffic as a whole grows or stops; rates would not.
 */
export function forecastOf(demand: Demand, { halfLifeMs, horizonMs }: ForecastOptions): Forecast {
  const { binMs, usedBins: end, allByBin } = demand;
  const origin = end - Math.max(1, Math.min(Math.floor(end / 2), Math.round(horizonMs / binMs)));
  const trials = heldOutTrials(demand, { origin, halfLifeMs });
  const all = trials.length < MIN_FIT_KEYS ? UNFITTED : fittedFactor(trials);
  const factors = CLASSES.map((_, index) => {
    const own = trials.filter(({ count }) => classOf(count) === index);
    return own.length < MIN_FIT_KEYS ? all : fittedFactor(own);
  });
  const decayed = decayedCount({ end, binMs, halfLifeMs });
  const requests = decayed(allByBin);
  const expectedRequests = end === 0 ? 0 : (horizonMs * requests) / (binMs * decayed(new Float64Array(end).fill(1)));
  const perRequest = requests === 0 ? 0 : expectedRequests / requests;
  return {
    expected: ({ bins, count }) => {
      return bins === undefined ? 0 : decayed(bins) * perRequest * (factors[classOf(count)] ?? all);
    },
    expectedRequests,
    fittedOn: trials.length < MIN_FIT_KEYS ? 0 : trials.length,
  };
}

/** Of at least one request, where `expected` arrive at random (Poisson). */
export function chanceAsked(expected: number): number {
  return -Math.expm1(-expected);
}

/** What was to be said of one question at the origin, and whether it came back. */
interface Trial {
  count: number;
  expected: number;
  cameBack: boolean;
}

function heldOutTrials(demand: Demand, { origin, halfLifeMs }: { origin: number; halfLifeMs: number }): Trial[] {
  const { binMs, usedBins, allByBin } = demand;
  const decayed = decayedCount({ end: origin, binMs, halfLifeMs });
  const perRequest = sumOf(allByBin, origin, usedBins) / decayed(allByBin);
  const trials: Trial[] = [];
  for (const { bins } of demand.keys()) {
    if (bins === undefined) continue;
    const count = sumOf(bins, 0, origin);
    if (count < MIN_ASKED) continue;
    const cameBack = sumOf(bins, origin, usedBins) > 0;
    trials.push({ count, expected: decayed(bins) * perRequest, cameBack });
  }
  return trials;
}

/** Found by halving: what it predicts grows with the factor. */
function fittedFactor(trials: readonly Trial[]): number {
  const cameBack = trials.filter((trial) => trial.cameBack).length;
  let [low, high] = [LEAST, MOST];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    const predicted = trials.reduce((sum, { expected }) => sum + chanceAsked(middle * expected), 0);
    if (predicted < cameBack) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function classOf(count: number): number {
  return CLASSES.findLastIndex((least) => count >= least);
}

interface Decay {
  /** First bin that is not seen. */
  end: number;
  binMs: number;
  halfLifeMs: number;
}

/** Requests, each worth half after a half-life. */
function decayedCount({ end, binMs, halfLifeMs }: Decay): (bins: Uint16Array | Float64Array) => number {
  const weights = Float64Array.from({ length: end }, (_, bin) => 2 ** (-((end - bin - 0.5) * binMs) / halfLifeMs));
  return (bins) => {
    let sum = 0;
    for (let bin = 0; bin < end; bin++) sum += (weights[bin] ?? 0) * (bins[bin] ?? 0);
    return sum;
  };
}

function sumOf(bins: Uint16Array | Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let bin = from; bin < to; bin++) sum += bins[bin] ?? 0;
  return sum;
}
