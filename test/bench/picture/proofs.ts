// Predictions made in a world's log, held against what its next window then shows.
import type { PredictedChange } from "../../../services/insight/src/ledger/prediction.ts";
import { modelCapacity } from "../../../services/insight/src/predict/capacity-forecast.ts";
import type { Observed } from "../../../services/insight/src/predict/observed.ts";
import { chooseWarmSet } from "../../../services/insight/src/predict/replay.ts";
import { forecastWarmUp } from "../../../services/insight/src/predict/warm-up-forecast.ts";
import { WARM_LIMITS } from "../../../services/insight/src/remedy/cache-warm-up.ts";
import { engineOf } from "../../../services/insight/src/remedy/engine-of.ts";
import { arrivalsOf, live, measureCapacity, s3Fifo, type WorldOptions } from "./world.ts";

export interface Proof {
  readonly predicted: PredictedChange;
  readonly realised: number;
}

/** What a mesh in this world knows of itself after its log. */
export function observedIn(world: WorldOptions, start: "empty" | "as it is"): Observed {
  const { log } = arrivalsOf(world);
  const { requests } = live(world, log);
  const toMs = log.at(-1)?.arrivedMs ?? 0;
  return {
    ...{ atMs: toMs, window: { fromMs: 0, toMs }, seed: world.seed, requests, past: [] },
    cache: {
      ...{ capacityBytes: world.capacityBytes, bytes: 0, evictions: 1, create: s3Fifo, start },
      ...{ dryRun: undefined, findings: [], saturation: undefined },
    },
    capacity: { slots: world.slots, replicas: 1, maxSlots: 2 * world.slots, curve: [], objective: "" },
  };
}

/** Change of the median TTFT by a warm-up before the next window. */
export function proveWarmUp(world: WorldOptions, start: "empty" | "as it is"): Proof {
  const { log, next } = arrivalsOf(world);
  const observed = observedIn(world, start);
  const { ttft } = forecastWarmUp({
    ...{ ...engineOf(observed), limits: WARM_LIMITS, seed: world.seed },
    ...{ create: s3Fifo, capacityBytes: world.capacityBytes, start },
  });
  // As the cache would: from the last stretch, as long as the one that was replayed.
  const warm = chooseWarmSet(observed.requests.slice(log.length >> 1), WARM_LIMITS);
  const before = start === "empty" ? [] : log;
  const [without, having] = [live(world, next, { before }), live(world, next, { before, warm })];
  return { predicted: ttft, realised: having.ttftP50Ms / without.ttftP50Ms - 1 };
}

export const LOAD_STEPS = [1, 2, 3, 4, 6, 8] as const;

/** Change of the capacity from one slot count to another, from a load test up to the last of LOAD_STEPS. */
export function proveCapacity(
  world: WorldOptions,
  { from, to, requests }: { from: number; to: number; requests: number },
): Proof {
  const measure = (slots: number, part: number) =>
    measureCapacity(world, { slots, requests, seed: world.seed * 1000 + part });
  const model = modelCapacity(
    LOAD_STEPS.map((slots) => measure(slots, slots)),
    world.seed,
  );
  const predicted = model?.at(to, from)?.change;
  if (predicted === undefined) throw new Error(`nothing is predicted for ${to} slots`);
  return { predicted, realised: measure(to, 101).rps / measure(from, 102).rps - 1 };
}

/** Share of the proofs whose interval holds what came. */
export function coverage(proofs: readonly Proof[], level: 50 | 90): number {
  const held = proofs.filter(({ predicted, realised }) => {
    const { low, high } = level === 50 ? predicted.interval50 : predicted.interval90;
    return low <= realised && realised <= high;
  });
  return held.length / proofs.length;
}
