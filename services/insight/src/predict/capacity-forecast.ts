// What more slots would do to capacity: the scalability law fitted to a step-load test, with draws of the whole test for the band.
import { quantile, type Random, seededRandom } from "@chimera/kernel";
import type { PredictedChange } from "../ledger/prediction.ts";
import { normal } from "./normal.ts";
import { changeFrom } from "./predicted-change.ts";
import { type CapacityPoint, capacityAt, fitUsl, type Usl } from "./usl.ts";
import { meanOf } from "./waiting.ts";

/** Different slot counts of the test: three parameters, and something left to judge them by. */
export const MIN_LEVELS = 5;
/** Of the largest measured: beyond it a fitted law is a guess. */
export const REACH = 1.25;
const PARAMETERS = 3;
const RESAMPLES = 400;
/**
 * What a step is off by, before the fit has a say: as measured within the steps, else as load tests usually are. A few residuals
 * that are small by chance must not make a promise sure. Weighs as many residuals.
 */
const PRIOR = { usual: 0.03, weight: { measured: 12, usual: 4 } };

export interface CapacityForecast {
  readonly slots: number;
  readonly rps: number;
  /** 90 % band of the law at this count. */
  readonly low: number;
  readonly high: number;
  /** Against the slots in use, as a test of both will show it. */
  readonly change: PredictedChange;
}

export interface CapacityModel {
  readonly law: Usl;
  /** Relative standard deviation of one point of the test around the law. */
  readonly noise: number;
  readonly measuredUpTo: number;
  /** Undefined beyond REACH times the largest measured: measure first. */
  at(slots: number, from: number): CapacityForecast | undefined;
}

/** Why there is too little to fit; undefined where there is enough. */
export function missingForCapacity(points: readonly CapacityPoint[]): string | undefined {
  const levels = new Set(points.map(({ slots }) => slots)).size;
  return levels >= MIN_LEVELS
    ? undefined
    : `a step-load test with at least ${MIN_LEVELS} slot counts; there are ${levels}`;
}

/** Undefined where the points do not follow such a law at all. */
export function modelCapacity(points: readonly CapacityPoint[], seed: number): CapacityModel | undefined {
  const law = fitUsl(points);
  if (law === undefined || points.length <= PARAMETERS) return undefined;
  const { noise, df } = noiseAround(law, points);
  const random = seededRandom(seed);
  const draws = Array.from({ length: RESAMPLES }, () => {
    // The noise is itself known from so many residuals only.
    const drawn = noise * Math.sqrt(df / chiSquare(df, random));
    const noisy = () => Math.max(0.01, 1 + drawn * normal(random));
    const refitted = fitUsl(points.map((point) => ({ ...point, rps: capacityAt(law, point.slots) * noisy() })));
    return { law: refitted ?? law, error: noisy() / noisy() };
  });
  const measuredUpTo = Math.max(...points.map(({ slots }) => slots));
  return {
    law,
    noise,
    measuredUpTo,
    at(slots, from) {
      if (slots > REACH * measuredUpTo) return undefined;
      const band = Float64Array.from(draws, (draw) => capacityAt(draw.law, slots)).sort();
      const ratio = (of: Usl) => capacityAt(of, slots) / capacityAt(of, from);
      const changes = draws.map((draw) => ratio(draw.law) * draw.error - 1);
      return {
        slots,
        rps: capacityAt(law, slots),
        low: quantile(band, 0.05),
        high: quantile(band, 0.95),
        change: changeFrom(ratio(law) - 1, changes),
      };
    },
  };
}

/** Residuals and prior, each with its weight (scaled inverse chi-squared, as in Gelman and others, Bayesian Data Analysis). */
function noiseAround(law: Usl, points: readonly CapacityPoint[]): { noise: number; df: number } {
  const residuals = points.reduce((sum, { slots, rps }) => sum + (rps / capacityAt(law, slots) - 1) ** 2, 0);
  const errors = points.flatMap(({ error }) => error ?? []);
  const isMeasured = errors.length === points.length;
  const weight = isMeasured ? PRIOR.weight.measured : PRIOR.weight.usual;
  const prior = isMeasured ? meanOf(errors.map((error) => error ** 2)) : PRIOR.usual ** 2;
  const df = points.length - PARAMETERS + weight;
  return { noise: Math.sqrt((residuals + weight * prior) / df), df };
}

function chiSquare(df: number, random: Random): number {
  let sum = 0;
  for (let i = 0; i < df; i++) sum += normal(random) ** 2;
  return Math.max(1e-3, sum);
}
