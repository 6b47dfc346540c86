// What was measured in a step-load test, and the law fitted to it with its band, as curves over slots.
import { type Series, series } from "../figure/series.ts";
import { modelCapacity, REACH } from "../predict/capacity-forecast.ts";
import type { CapacityObserved } from "../predict/observed.ts";
import type { Window } from "../window/window.ts";

export interface CapacityCurves {
  /** Points of the test; the others are unset where no law fits them. */
  readonly measured: Series;
  readonly law?: Series;
  readonly low?: Series;
  readonly high?: Series;
}

/** Undefined where nothing was measured. */
export function capacityCurves(
  capacity: CapacityObserved,
  { window, seed }: { window: Window; seed: number },
): CapacityCurves | undefined {
  const { curve, objective } = capacity;
  if (curve.length === 0) return undefined;
  const shared = {
    ...({ xName: "Generations at a time", xUnit: "slots", yName: "Capacity", yUnit: "req/s" } as const),
    n: curve.reduce((sum, { n }) => sum + n, 0),
    window,
    source: "a step-load test",
  };
  const measured = series({
    ...shared,
    id: "capacity.measured",
    name: "measured",
    definition: `Most requests per second within the objective (${objective}), by generations at a time.`,
    method: "one load step per slot count",
    points: curve.map(({ slots, rps }) => ({ x: slots, y: rps })).sort((a, b) => a.x - b.x),
  });
  const model = modelCapacity(curve, seed);
  if (model === undefined) return { measured };
  const upTo = Math.floor(REACH * model.measuredUpTo);
  const forecasts = Array.from({ length: upTo }, (_, i) => model.at(i + 1, 1) ?? []).flat();
  const fitted = (id: string, name: string, pick: (of: (typeof forecasts)[number]) => number) =>
    series({
      ...shared,
      id,
      name,
      definition: `Capacity by the universal scalability law, up to ${REACH} times the largest measured: ${name}.`,
      method: "least squares on relative errors; 90 % band from a parametric bootstrap",
      points: forecasts.map((forecast) => ({ x: forecast.slots, y: pick(forecast) })),
    });
  return {
    measured,
    law: fitted("capacity.law", "fitted law", ({ rps }) => rps),
    low: fitted("capacity.low", "lower end of the band", ({ low }) => low),
    high: fitted("capacity.high", "upper end of the band", ({ high }) => high),
  };
}
