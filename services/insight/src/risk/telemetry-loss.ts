// Telemetry loss: figures computed from a part of what happened, or from wrong times.
import { phrase } from "../figure/phrase.ts";
import type { FigureSet, Risk, RiskState } from "./risk.ts";

const GAP_LIMIT = 0.05;
/** Below this many lookups a handful at the window's edges outweighs the limit. */
const MIN_LOOKUPS = 100;

export function telemetryLoss(figures: FigureSet): Risk {
  const lost = figures.get("telemetry.events_dropped");
  const little = figures.get("telemetry.littles_law_gap");
  const lookups = figures.get("telemetry.lookup_gap");
  const hasLookups = lookups?.value !== undefined && lookups.n >= MIN_LOOKUPS;
  return {
    id: "telemetry-loss",
    name: "Telemetry loss",
    state: stateOf(lost?.value, little?.value, hasLookups ? lookups.value : undefined),
    sign:
      lost?.value === undefined || little === undefined || lookups === undefined
        ? phrase("not enough of the event stream was read to judge")
        : phrase("events lost ", lost, ", Little's law off by ", little, ", lookups without an event ", lookups),
    rule: `alarm from 1 event lost; watch above ${GAP_LIMIT * 100} % off in Little's law, or in lookups where there are ${MIN_LOOKUPS}`,
    mitigation:
      "Give the event stream more room, see that NATS stays reachable, and compare the clocks of the machines.",
    figureIds: ["telemetry.events_dropped", "telemetry.littles_law_gap", "telemetry.lookup_gap"],
    trendOf: "telemetry.littles_law_gap",
    remedies: [],
  };
}

function stateOf(lost: number | undefined, littleGap = 0, lookupGap = 0): RiskState {
  if (lost === undefined) return "unknown";
  if (lost > 0) return "alarm";
  return littleGap > GAP_LIMIT || lookupGap > GAP_LIMIT ? "watch" : "ok";
}
