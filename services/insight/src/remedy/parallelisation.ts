// More generations at a time: slots of the replicas, or one replica more. Raises what can be served; what is served rises only
// where more is asked for.
import type { Prediction } from "../ledger/prediction.ts";
import {
  type CapacityForecast,
  type CapacityModel,
  missingForCapacity,
  modelCapacity,
  REACH,
} from "../predict/capacity-forecast.ts";
import { engineDemand } from "../predict/demand.ts";
import type { CapacityObserved, Observed } from "../predict/observed.ts";
import { leastGain, type ScaledChange, scaledByPast } from "../predict/predicted-change.ts";
import { forecastWaiting } from "../predict/waiting-forecast.ts";
import { engineOf } from "./engine-of.ts";
import {
  type Change,
  decisionRule,
  type Forecast,
  type GainExpected,
  GUARDRAILS,
  MIN_GAIN,
  measureFirst,
  noGain,
  type ProofDesign,
  predictionOf,
  type Remedy,
} from "./remedy.ts";
import { count, percent } from "./words.ts";

const PROMISE = { remedy: "parallelisation", metric: "capacity_rps" } as const;
/** Of the capacity: below this peak demand, more of it changes nothing that anybody waits for. */
const BUSY = 0.7;

export const parallelisation: Remedy = {
  id: "parallelisation",
  title: "Run more generations at a time",
  precondition({ capacity }) {
    return capacity === undefined ? "no load reported by any replica" : undefined;
  },
  forecast(observed) {
    const { capacity, seed } = observed;
    if (capacity === undefined) return measureFirst("the load of the replicas");
    const missing = missingForCapacity(capacity.curve);
    if (missing !== undefined) return measureFirst(missing);
    const model = modelCapacity(capacity.curve, seed);
    if (model === undefined)
      return measureFirst("a step-load test whose points follow a scalability law; these do not");
    return judged(observed, { capacity, model });
  },
};

type Candidate = CapacityForecast & ScaledChange;

interface Modelled {
  readonly capacity: CapacityObserved;
  readonly model: CapacityModel;
}

function judged(observed: Observed, modelled: Modelled): Forecast {
  const { capacity, model } = modelled;
  const { requests, window } = observed;
  const demand = engineDemand(requests, window.toMs - window.fromMs);
  const now = model.at(capacity.slots, capacity.slots);
  if (now === undefined) {
    return measureFirst(`a step-load test up to the ${capacity.slots} slots in use; it ends at ${model.measuredUpTo}`);
  }
  const state = `demand on the engines peaks at ${demand.peakRps.toFixed(2)} req/s over 10 s (average ${demand.avgRps.toFixed(2)}), ${capacity.slots} slots can serve ${rpsText(now)}`;
  if (demand.peakRps < BUSY * now.low) return noGain(`${state}: nobody asks for more.`);
  const ranked = candidatesOf(modelled, observed);
  const best = ranked[0];
  if (best !== undefined) return promised(observed, { ...modelled, best, state });
  const beyond = Math.floor(REACH * model.measuredUpTo) + 1;
  if (capacity.maxSlots >= beyond && capacity.slots + 1 >= beyond) {
    return measureFirst(`a step-load test beyond ${model.measuredUpTo} slots; the law holds up to ${beyond - 1}`);
  }
  return noGain(
    `${state}; up to ${Math.min(capacity.maxSlots, beyond - 1)} slots the law promises less than ${percent(MIN_GAIN, 0)} more.`,
  );
}

/** The best lower bound per added slot first. */
function candidatesOf({ capacity, model }: Modelled, { past }: Observed): Candidate[] {
  const { slots, maxSlots, replicas } = capacity;
  const counts = Array.from({ length: Math.max(0, maxSlots - slots) }, (_, i) => slots + 1 + i);
  if (slots >= maxSlots) counts.push(slots + Math.round(maxSlots / replicas));
  return counts
    .flatMap((slotCount) => model.at(slotCount, slots) ?? [])
    .map((forecast) => ({ ...forecast, ...scaledByPast(forecast.change, { ...PROMISE, past }) }))
    .filter(({ change }) => leastGain("capacity_rps", change) >= MIN_GAIN)
    .sort((a, b) => perSlot(b, slots) - perSlot(a, slots));
}

function perSlot({ change, slots }: CapacityForecast, from: number): number {
  return leastGain("capacity_rps", change) / (slots - from);
}

function promised(observed: Observed, of: Modelled & { best: Candidate; state: string }): GainExpected {
  const { capacity, model, best, state } = of;
  const { slots, curve, objective } = capacity;
  const points = curve.reduce((sum, { n }) => sum + n, 0);
  const { law } = model;
  const text = {
    validity: `up to ${Math.floor(REACH * model.measuredUpTo)} slots (${REACH} times the largest measured); ${state}`,
    cost: `${best.slots - slots} slots more, ${percent((best.slots - slots) / slots, 0)} of the memory for running requests`,
    decisionRule: decisionRule("capacity_rps", PROOF),
  };
  const capacityPrediction = predictionOf("parallelisation", observed, {
    ...text,
    metric: "capacity_rps",
    change: best.change,
    ...(best.pastRatio !== undefined && { pastRatio: best.pastRatio }),
    baseline: { value: model.at(slots, slots)?.rps ?? 0, n: points },
    method: `scalability law on ${curve.length} load steps (${objective}): ${law.perSlotRps.toFixed(3)} req/s a slot, contention ${law.contention.toFixed(4)}, coherency ${law.coherency.toFixed(5)}; parametric bootstrap, 400 draws; ${best.slots} slots: ${rpsText(best)}`,
    assumptions: ["requests are as long as in the test", "nothing else takes the machine's time"],
  });
  return {
    kind: "gain expected",
    predictions: [capacityPrediction, ...waitingPrediction(observed, best, text)],
    ...changeTo(best.slots, capacity),
    proof: PROOF,
    costShare: (best.slots - slots) / slots,
  };
}

const PROOF: ProofDesign = {
  kind: "load steps",
  metric: "capacity_rps",
  share: 0.5,
  blockMs: 60_000,
  maxLengthMs: 1_200_000,
  minN: 4,
  guardrails: GUARDRAILS,
};

/** What those who ask today would notice, beside the capacity; none where the log has too few times of engines. */
function waitingPrediction(
  observed: Observed,
  best: CapacityForecast,
  text: { validity: string; cost: string; decisionRule: string },
): Prediction[] {
  const { engine, requests } = engineOf(observed);
  if (engine === undefined) return [];
  const engines = { before: engine, after: { ...engine, slots: best.slots } };
  const forecast = forecastWaiting({ requests, seed: observed.seed }, engines);
  if (forecast === undefined) return [];
  const { before, after, n, ttftP50Ms } = forecast;
  return [
    predictionOf("parallelisation", observed, {
      ...text,
      metric: "ttft_p50_ms",
      change: forecast.change,
      baseline: { value: ttftP50Ms, n },
      method: `discrete-event simulation of the slots with ${count(n)} logged requests: mean wait ${before.meanWaitMs.toFixed(1)} ms, then ${after.meanWaitMs.toFixed(1)} ms (Allen-Cunneen ${waitText(before.formulaMs)} and ${waitText(after.formulaMs)}); local block bootstrap`,
      assumptions: ["demand stays that of the log", "requests that run together slow each other down as they did"],
    }),
  ];
}

function changeTo(slots: number, { maxSlots, replicas }: CapacityObserved): Pick<GainExpected, "change" | "undo"> {
  if (slots <= maxSlots) {
    // Settings are for every replica alike.
    const change: Change = { kind: "settings", settings: { inference: { slots: Math.ceil(slots / replicas) } } };
    return { change, undo: { kind: "previous settings" } };
  }
  return { change: { kind: "replicas", replicas: replicas + 1 }, undo: { kind: "replicas", replicas } };
}

function rpsText({ rps, low, high }: CapacityForecast): string {
  return `${rps.toFixed(2)} req/s (${low.toFixed(2)} to ${high.toFixed(2)}, 90 %)`;
}

function waitText(ms: number): string {
  return Number.isFinite(ms) ? `${ms.toFixed(1)} ms` : "without end";
}
