import type { IntervalEstimate } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { FigureId } from "../figure/definitions.ts";
import { figure } from "../figure/figure.ts";
import { drift } from "./drift.ts";
import { overfitting } from "./overfitting.ts";
import { overload } from "./overload.ts";
import type { FigureSet, RiskRule, RiskState } from "./risk.ts";
import { saturation } from "./saturation.ts";
import { telemetryLoss } from "./telemetry-loss.ts";

type Given = { value: number | undefined; n?: number; interval?: IntervalEstimate };

function figures(given: Partial<Record<FigureId, Given>>): FigureSet {
  const shared = { n: 1000, window: { fromMs: 0, toMs: 1 }, method: "given", source: "a test" };
  return new Map(
    Object.entries(given).map(([id, one]) => [id as FigureId, figure({ ...shared, id: id as FigureId, ...one })]),
  );
}

const gap = (value: number, standardError: number): Given => {
  const half = 1.959963984540054 * standardError;
  return { value, interval: { low: value - half, high: value + half, level: 0.95 } };
};

const cases: [rule: RiskRule, state: RiskState, given: Partial<Record<FigureId, Given>>][] = [
  [overfitting, "unknown", {}],
  [overfitting, "ok", { "quality.gap_validation_holdout": gap(0.009, 0.01) }],
  [overfitting, "ok", { "quality.gap_validation_holdout": gap(-0.05, 0.01) }],
  [overfitting, "watch", { "quality.gap_validation_holdout": gap(0.015, 0.01) }],
  [overfitting, "alarm", { "quality.gap_validation_holdout": gap(0.021, 0.01) }],
  [saturation, "unknown", { "cache.fill_ratio": { value: undefined }, "cache.eviction_share": { value: undefined } }],
  [saturation, "ok", { "cache.fill_ratio": { value: 0.5 }, "cache.eviction_share": { value: undefined } }],
  [saturation, "watch", { "cache.fill_ratio": { value: 0.97 }, "cache.eviction_share": { value: 0.2 } }],
  [saturation, "alarm", { "cache.fill_ratio": { value: 0.97 }, "cache.eviction_share": { value: 0.7 } }],
  [
    overload,
    "unknown",
    { "overload.refused_of_demand": { value: undefined }, "overload.wait_share_p95": { value: undefined } },
  ],
  [overload, "ok", { "overload.refused_of_demand": { value: 0 }, "overload.wait_share_p95": { value: 0.2 } }],
  [overload, "watch", { "overload.refused_of_demand": { value: 0 }, "overload.wait_share_p95": { value: 0.6 } }],
  [
    overload,
    "watch",
    { "overload.refused_of_demand": { value: 0.002 }, "overload.wait_share_p95": { value: undefined } },
  ],
  [overload, "alarm", { "overload.refused_of_demand": { value: 0.02 }, "overload.wait_share_p95": { value: 0.1 } }],
  [drift, "unknown", {}],
  [drift, "ok", drifted(0.02, 0.05, 0)],
  [drift, "ok", drifted(0.3, 0.4, 0)],
  [drift, "watch", drifted(0.15, 0.05, 0)],
  [drift, "alarm", drifted(0.3, 0.05, 0)],
  [drift, "watch", drifted(0.02, 0.05, -0.06)],
  [drift, "alarm", drifted(0.02, 0.05, -0.12)],
  [telemetryLoss, "unknown", telemetry(undefined, 0, 0)],
  [telemetryLoss, "ok", telemetry(0, 0.04, 0.04)],
  [telemetryLoss, "watch", telemetry(0, 0.06, 0)],
  [telemetryLoss, "watch", telemetry(0, 0, 0.06)],
  [telemetryLoss, "alarm", telemetry(1, 0, 0)],
];

function telemetry(lost: number | undefined, little: number, lookups: number): Partial<Record<FigureId, Given>> {
  return {
    "telemetry.events_dropped": { value: lost },
    "telemetry.littles_law_gap": { value: little },
    "telemetry.lookup_gap": { value: lookups },
  };
}

/** An interval of five points to each side. */
function drifted(index: number, chance: number, change: number): Partial<Record<FigureId, Given>> {
  return {
    "drift.answer_length_psi": { value: index },
    "drift.answer_length_psi_chance": { value: chance },
    "drift.live_accuracy_change": {
      value: change,
      interval: { low: change - 0.05, high: change + 0.05, level: 0.95 },
    },
  };
}

describe("risk rules", () => {
  it.each(cases)("%o says %s", (rule, state, given) => {
    const risk = rule(figures(given));
    expect(risk.state).toBe(state);
    expect(risk.rule).not.toBe("");
    expect(risk.mitigation).not.toBe("");
  });

  it("takes no alarm from a handful of lookups", () => {
    const few = { ...telemetry(0, 0, 0), "telemetry.lookup_gap": { value: 0.3, n: 10 } };
    expect(telemetryLoss(figures(few)).state).toBe("ok");
  });
});
