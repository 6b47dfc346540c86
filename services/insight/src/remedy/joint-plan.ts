// A warm-up and more slots together. Their gains do not add: what the cache answers leaves the queue, so that slots relieve less. Each
// alone and both together go through the same simulation.
import type { IntervalEstimate } from "@chimera/kernel";
import type { PredictedChange } from "../ledger/prediction.ts";
import { missingForCapacity, modelCapacity } from "../predict/capacity-forecast.ts";
import type { Observed } from "../predict/observed.ts";
import { forecastWarmUp, missingForReplay, type WarmUpForecast } from "../predict/warm-up-forecast.ts";
import { replayable, WARM_LIMITS } from "./cache-warm-up.ts";
import { engineOf } from "./engine-of.ts";
import { type MeasureFirst, measureFirst } from "./remedy.ts";

/** Of one metric: each alone, and both. */
export interface Parts {
  readonly warmUp: PredictedChange;
  readonly slots: PredictedChange;
  readonly both: PredictedChange;
}

export interface JointPlan {
  readonly kind: "joint plan";
  readonly slots: number;
  /** Of the median. */
  readonly ttft: Parts;
  /** Requests per second of the whole mesh, those that the cache answers among them. */
  readonly capacity: Parts;
  readonly hitRatio: number;
  readonly warmHitRatio: number;
  readonly n: number;
}

export function jointPlan(observed: Observed, slots: number): JointPlan | MeasureFirst {
  const { cache, capacity, requests, seed } = observed;
  const missing = missingForReplay(requests) ?? missingForCapacity(capacity?.curve ?? []);
  const known = engineOf(observed);
  const { engine } = known;
  if (missing !== undefined) return measureFirst(missing);
  const create = cache && replayable(cache);
  if (cache === undefined || create === undefined || capacity === undefined || engine === undefined) {
    return measureFirst("the policy of the cache and the slots in use");
  }
  const test = modelCapacity(capacity.curve, seed)?.at(slots, capacity.slots);
  if (test === undefined) return measureFirst(`a step-load test up to ${slots} slots`);
  const { capacityBytes, start } = cache;
  const forecast = (maxAnswers: number, slotsAfter: number) =>
    forecastWarmUp({
      ...{ create, capacityBytes, start, seed, engine, requests: known.requests },
      limits: { ...WARM_LIMITS, maxAnswers },
      engineAfter: { ...engine, slots: slotsAfter },
    });
  const warmUp = forecast(WARM_LIMITS.maxAnswers, capacity.slots);
  const more = forecast(0, slots);
  const both = forecast(WARM_LIMITS.maxAnswers, slots);
  const relieved = relief(warmUp);
  return {
    kind: "joint plan",
    slots,
    ttft: { warmUp: warmUp.ttft, slots: more.ttft, both: both.ttft },
    capacity: { warmUp: relieved, slots: test.change, both: product(relieved, test.change) },
    hitRatio: warmUp.hitRatio,
    warmHitRatio: warmUp.warmHitRatio,
    n: warmUp.n,
  };
}

/** Fewer misses for the same engines: the mesh serves (1 - h) ÷ (1 - h') times as much. */
function relief({ hitRatio, warmHitRatio, hits }: WarmUpForecast): PredictedChange {
  const at = (ratio: number) => (1 - hitRatio) / Math.max(1e-6, 1 - Math.min(1, ratio)) - 1;
  const mapped = (of: IntervalEstimate | undefined, level: number): IntervalEstimate =>
    of === undefined
      ? { low: 0, high: at(warmHitRatio), level }
      : { low: at(hitRatio * (1 + of.low)), high: at(hitRatio * (1 + of.high)), level };
  return {
    relative: at(warmHitRatio),
    interval50: mapped(hits?.interval50, 0.5),
    interval90: mapped(hits?.interval90, 0.9),
  };
}

/** Of two changes whose errors have nothing to do with each other: logarithms add, their errors in squares. */
function product(a: PredictedChange, b: PredictedChange): PredictedChange {
  const centre = Math.log1p(a.relative) + Math.log1p(b.relative);
  const sideOf = (change: PredictedChange, end: number) => Math.log1p(end) - Math.log1p(change.relative);
  const combined = (one: IntervalEstimate, other: IntervalEstimate): IntervalEstimate => ({
    low: Math.expm1(centre - Math.hypot(sideOf(a, one.low), sideOf(b, other.low))),
    high: Math.expm1(centre + Math.hypot(sideOf(a, one.high), sideOf(b, other.high))),
    level: one.level,
  });
  return {
    relative: Math.expm1(centre),
    interval50: combined(a.interval50, b.interval50),
    interval90: combined(a.interval90, b.interval90),
  };
}
