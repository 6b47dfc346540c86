import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { missingForCapacity, modelCapacity } from "./capacity-forecast.ts";
import { normal } from "./normal.ts";
import { capacityAt, fitUsl } from "./usl.ts";

const TRUTH = { perSlotRps: 20, contention: 0.04, coherency: 0.0008 };
const NOISE = 0.03;

function loadTest(levels: readonly number[], { noise, seed }: { noise: number; seed: number }) {
  const random = seededRandom(seed);
  return levels.map((slots) => ({ slots, rps: capacityAt(TRUTH, slots) * (1 + noise * normal(random)), n: 100 }));
}

/** 95th percentile of the relative error at N slots, over 400 load tests. */
function errorAt(slots: number, levels: readonly number[]): number {
  const errors = Array.from({ length: 400 }, (_, seed) => {
    const law = fitUsl(loadTest(levels, { noise: NOISE, seed }));
    return law === undefined ? 1 : Math.abs(capacityAt(law, slots) / capacityAt(TRUTH, slots) - 1);
  });
  return quantile(
    errors.sort((a, b) => a - b),
    0.95,
  );
}

describe("the scalability law", () => {
  it("is found exactly where a test has no noise", () => {
    const law = fitUsl(loadTest([1, 2, 4, 6, 8, 10], { noise: 0, seed: 1 }));
    expect(law?.perSlotRps).toBeCloseTo(20, 9);
    expect(law?.contention).toBeCloseTo(0.04, 9);
    expect(law?.coherency).toBeCloseTo(0.0008, 9);
  });

  it("has no negative loss, even where noise looks like one", () => {
    const better = [1, 2, 3, 4, 5].map((slots) => ({ slots, rps: 10 * slots ** 1.05, n: 100 }));
    expect(fitUsl(better)).toMatchObject({ contention: 0, coherency: 0 });
  });

  it("is known well a quarter beyond the largest measured, and hardly at twice as much", () => {
    const levels = [1, 2, 4, 6, 8, 10];
    expect(errorAt(12, levels)).toBeLessThan(0.12);
    expect(errorAt(24, levels)).toBeGreaterThan(0.2);
    expect(errorAt(8, [1, 2, 3, 4])).toBeGreaterThan(0.2);
  });
});

describe("a capacity forecast", () => {
  const model = modelCapacity(loadTest([1, 2, 4, 6, 8, 10], { noise: NOISE, seed: 3 }), 3);

  it("has the wider interval the further it reaches", () => {
    const widths = [9, 10, 12].map((slots) => {
      const { low = 0, high = 0 } = model?.at(slots, 8)?.change.interval90 ?? {};
      return high - low;
    });
    expect(widths[2]).toBeGreaterThan(widths[0] ?? 0);
    const change = model?.at(12, 8)?.change;
    expect(change?.interval50.low).toBeGreaterThan(change?.interval90.low ?? 0);
    expect(change?.interval50.high).toBeLessThan(change?.interval90.high ?? 0);
  });

  it("says nothing beyond 1.25 times the largest measured", () => {
    expect(model?.at(12, 8)).toBeDefined();
    expect(model?.at(13, 8)).toBeUndefined();
  });

  it("wants more slot counts than the law has parameters", () => {
    expect(missingForCapacity(loadTest([1, 2, 4, 4, 4], { noise: 0, seed: 1 }))).toContain("there are 3");
    expect(missingForCapacity(loadTest([1, 2, 4, 6, 8], { noise: 0, seed: 1 }))).toBeUndefined();
  });
});
