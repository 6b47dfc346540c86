import { describe, expect, it } from "vitest";
import type { Prediction } from "../ledger/prediction.ts";
import type { PastPrediction } from "./observed.ts";
import { changeFromInterval, leastGain, pastOf, pastRatio, scaledByPast } from "./predicted-change.ts";

describe("a predicted change", () => {
  const change = changeFromInterval(-0.2, { low: -0.3, high: -0.1, level: 0.95 });

  it("has the narrower interval inside the wider one", () => {
    expect(change.interval90.low).toBeGreaterThan(-0.3);
    expect(change.interval50.low).toBeGreaterThan(change.interval90.low);
    expect(change.interval50.high).toBeLessThan(change.interval90.high);
  });

  it("gains at least what the unfavourable end says: less is better for times, more for the rest", () => {
    expect(leastGain("ttft_p50_ms", change)).toBeCloseTo(-change.interval90.high, 12);
    expect(leastGain("capacity_rps", change)).toBe(change.interval90.low);
  });
});

describe("the record of a remedy", () => {
  const kind = { remedy: "cache-warm-up", metric: "ttft_p50_ms" } as const;
  const past = Array.from({ length: 12 }, () => ({ ...kind, predicted: -0.3, realised: -0.15 }));
  const given = changeFromInterval(-0.2, { low: -0.3, high: -0.1, level: 0.95 });

  it("pulls the next promise to where the last ones ended, the more of them there are", () => {
    expect(pastRatio(kind, [])).toBe(1);
    expect(pastRatio(kind, past.slice(0, 1))).toBeCloseTo(0.9, 9);
    expect(pastRatio(kind, past)).toBeCloseTo((12 * 0.5 + 4) / 16, 9);
  });

  it("is one for each metric of each remedy", () => {
    expect(pastRatio({ ...kind, metric: "hit_ratio" }, past)).toBe(1);
    expect(pastRatio({ ...kind, remedy: "parallelisation" }, past)).toBe(1);
  });

  it("moves the whole interval, and is kept beside it", () => {
    const { change, pastRatio: kept } = scaledByPast(given, { ...kind, past });
    expect(kept).toBe(pastRatio(kind, past));
    expect(change.relative).toBeCloseTo(-0.2 * pastRatio(kind, past), 12);
    expect((change.interval90.low + change.interval90.high) / 2).toBeCloseTo(change.relative, 12);
    expect(scaledByPast(given, { ...kind, remedy: "parallelisation", past })).toEqual({ change: given });
  });

  it("comes to the true ratio where every promise is half kept, and stays there", () => {
    const known: PastPrediction[] = [];
    for (let i = 0; i < 200; i++) {
      const scaled = scaledByPast(given, { ...kind, past: known });
      known.push(pastOf(predictionWith({ ...kind, ...scaled }), -0.1));
    }
    expect(scaledByPast(given, { ...kind, past: known }).change.relative).toBeCloseTo(-0.1, 2);
  });
});

function predictionWith(fields: Partial<Prediction>): Prediction {
  return {
    ...{ id: "p", madeAtMs: 0, remedy: "", metric: "ttft_p50_ms", method: "", validity: "", assumptions: [] },
    ...{ cost: "", decisionRule: "", baseline: { value: 1, n: 1, window: { fromMs: 0, toMs: 1 } } },
    change: changeFromInterval(0, { low: 0, high: 0, level: 0.95 }),
    ...fields,
  };
}
