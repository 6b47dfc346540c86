// The estimators against groups whose true difference is known.
import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { hitGainPp, type KeyTally, scaled, ttftGain } from "./gain.ts";

function group(questions: number, hitRatio: number, { seed = 1, ttftMs = 100 } = {}): KeyTally[] {
  const random = seededRandom(seed);
  return Array.from({ length: questions }, () => {
    const requests = 1 + Math.floor(random() * 6);
    const hits = Array.from({ length: requests }, () => random()).filter((draw) => draw < hitRatio).length;
    return { requests, hits, ttftMs: Array.from({ length: requests }, () => ttftMs * (0.5 + random())) };
  });
}

describe("hitGainPp", () => {
  it("covers the true gain about as often as it says", () => {
    let covered = 0;
    for (let seed = 0; seed < 60; seed++) {
      const groups = { treated: group(120, 0.9, { seed: 2 * seed }), control: group(60, 0.6, { seed: 2 * seed + 1 }) };
      const { low, high, level } = hitGainPp(groups, seededRandom(seed)) ?? { low: 0, high: 0, level: 0 };
      expect(level).toBe(0.95);
      if (low <= 30 && 30 <= high) covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(53);
  });

  it("is exact on counts, and says nothing of groups that are too small", () => {
    const treated = Array.from({ length: 10 }, () => ({ requests: 4, hits: 4, ttftMs: [] }));
    const control = Array.from({ length: 10 }, () => ({ requests: 4, hits: 3, ttftMs: [] }));
    expect(hitGainPp({ treated, control }, seededRandom(1))).toMatchObject({ value: 25, low: 25, high: 25, n: 80n });
    expect(hitGainPp({ treated, control: control.slice(0, 4) }, seededRandom(1))).toBeUndefined();
    const unasked = control.map((tally) => ({ ...tally, requests: 0, hits: 0 }));
    expect(hitGainPp({ treated, control: unasked }, seededRandom(1))).toBeUndefined();
  });
});

it("compares medians of the time to first token", () => {
  const treated = group(200, 1, { ttftMs: 50, seed: 5 });
  const control = group(200, 0, { ttftMs: 100, seed: 6 });
  const gain = ttftGain({ treated, control }, seededRandom(1));
  expect(gain?.value).toBeCloseTo(0.5, 1);
  expect([(gain?.low ?? 1) < 0.5, (gain?.high ?? 0) > 0.5, (gain?.low ?? 0) > 0.4]).toEqual([true, true, true]);
});

it("scales an estimate with its interval", () => {
  const tallies = Array.from({ length: 6 }, () => ({ requests: 2, hits: 1, ttftMs: [] }));
  const estimate = hitGainPp({ treated: tallies.map((t) => ({ ...t, hits: 2 })), control: tallies }, seededRandom(1));
  expect(scaled(estimate, 0.5)).toMatchObject({ value: 25, low: 25, high: 25 });
});
