import { normalQuantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { nestedCrossValidation } from "./nested-cross-validation.ts";
import { gainGivenPassed, shrunk, simulatedOptimism } from "./winners-curse.ts";

const random = seededRandom(1);
const normal = () => normalQuantile(Math.max(random(), 1e-12));

describe("shrunk and simulatedOptimism", () => {
  it("take the luck out of the best of many", () => {
    let [rawError, shrunkError, correctedError] = [0, 0, 0];
    for (let run = 0; run < 100; run++) {
      const truths = Array.from({ length: 40 }, () => 0.9 + 0.01 * normal());
      const estimates = truths.map((truth) => ({ value: truth + 0.015 * normal(), standardError: 0.015 }));
      const best = estimates.reduce((top, { value }, i) => (value > (estimates[top]?.value ?? 0) ? i : top), 0);
      const [truth, reported] = [truths[best] ?? 0, estimates[best]?.value ?? 0];
      rawError += (reported - truth) / 100;
      shrunkError += ((shrunk(estimates)[best] ?? 0) - truth) / 100;
      correctedError += (reported - simulatedOptimism(estimates, { draws: 100, random }) - truth) / 100;
    }
    expect(rawError).toBeGreaterThan(0.02);
    expect(Math.abs(shrunkError)).toBeLessThan(0.004);
    expect(Math.abs(correctedError)).toBeLessThan(0.006);
  });

  it("leave what noise can not explain", () => {
    const sure = [0.5, 0.7, 0.9].map((value) => ({ value, standardError: 0.001 }));
    expect(shrunk(sure)[2]).toBeCloseTo(0.9, 4);
    expect(Math.abs(simulatedOptimism(sure, { random }))).toBeLessThan(0.0005);
    expect(shrunk([{ value: 0.4, standardError: 0.1 }])).toEqual([0.4]);
  });
});

describe("gainGivenPassed", () => {
  it("reports less than was measured just above the threshold, and all of it far above", () => {
    const threshold = 0.02;
    const at = (value: number) => gainGivenPassed({ value, standardError: 0.01 }, threshold);
    expect(at(0.021)).toBeLessThan(0.012);
    expect(at(0.03)).toBeLessThan(0.028);
    expect(at(0.08)).toBeCloseTo(0.08, 4);
    expect(at(0.05)).toBeLessThan(0.05);
  });

  it.each([0.025, 0.03])("comes nearer to a true gain of %d, on average over what passed", (truth) => {
    const [standardError, threshold] = [0.01, 0.02];
    const passed = Array.from({ length: 5000 }, () => truth + standardError * normal()).filter(
      (value) => value > threshold,
    );
    const bias = (report: (value: number) => number) =>
      passed.reduce((sum, value) => sum + report(value) - truth, 0) / passed.length;
    const corrected = bias((value) => gainGivenPassed({ value, standardError }, threshold));
    expect(Math.abs(corrected)).toBeLessThan(0.6 * Math.abs(bias((value) => value)));
  });
});

describe("nestedCrossValidation", () => {
  const items = Array.from({ length: 300 }, (_, i) => ({ id: `${i}`, cluster: `c${Math.floor(i / 3)}` }));

  it("sees no gain where the inner loop only picks luck, and says how much it flattered itself", async () => {
    // Forty choices without any effect; the inner loop takes the best looking one.
    const score = (choice: number, id: string) => (seededRandom(choice * 7919 + Number(id))() < 0.8 ? 1 : 0);
    const meanOf = (choice: number, of: readonly { id: string }[]) =>
      of.reduce((sum, { id }) => sum + score(choice, id), 0) / of.length;
    const { gain, interval, optimism, runs } = await nestedCrossValidation({
      items,
      folds: 5,
      repeats: 2,
      random: seededRandom(3),
      async tune(inner) {
        const gains = Array.from({ length: 40 }, (_, choice) => meanOf(choice + 1, inner) - meanOf(0, inner));
        const believedGain = Math.max(...gains);
        return { choice: gains.indexOf(believedGain) + 1, believedGain };
      },
      score: async (choice, outer) => ({
        choice: outer.map(({ id }) => score(choice, id)),
        baseline: outer.map(({ id }) => score(0, id)),
      }),
    });
    expect(runs).toBe(10);
    expect(interval.low).toBeLessThan(gain);
    expect(interval.low).toBeLessThan(0.01);
    expect(optimism).toBeGreaterThan(0.02);
  });

  it("keeps clusters in one fold and gives every item to one outer fold a repeat", async () => {
    const seen: string[] = [];
    await nestedCrossValidation({
      items,
      folds: 4,
      repeats: 1,
      random: seededRandom(4),
      async tune(inner) {
        return { choice: new Set(inner.map(({ cluster }) => cluster)), believedGain: 0 };
      },
      async score(innerClusters, outer) {
        for (const { id, cluster } of outer) {
          expect(innerClusters.has(cluster)).toBe(false);
          seen.push(id);
        }
        return { choice: outer.map(() => 1), baseline: outer.map(() => 0) };
      },
    });
    expect(new Set(seen).size).toBe(300);
    expect(seen.length).toBe(300);
  });
});
