import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { Adwin } from "./adwin.ts";
import { PageHinkley, pageHinkleyThreshold } from "./page-hinkley.ts";
import { populationStability, populationStabilityTest } from "./population-stability.ts";

const coin = (random: Random, p: number) => (random() < p ? 1 : 0);

describe("Adwin", () => {
  it("keeps its window while nothing changes, in few buckets", () => {
    const random = seededRandom(1);
    const adwin = new Adwin();
    let alarms = 0;
    for (let i = 0; i < 20_000; i++) if (adwin.add(coin(random, 0.9))) alarms += 1;
    expect(alarms).toBe(0);
    expect(adwin.width).toBe(20_000);
    expect(adwin.mean).toBeCloseTo(0.9, 1);
    expect(adwin.buckets).toBeLessThan(100);
  });

  it("finds a fall within some hundred values and forgets what was before", () => {
    const random = seededRandom(2);
    const adwin = new Adwin();
    for (let i = 0; i < 3000; i++) adwin.add(coin(random, 0.9));
    let found = 0;
    for (let i = 1; i <= 1000 && found === 0; i++) if (adwin.add(coin(random, 0.6))) found = i;
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(400);
    for (let i = 0; i < 500; i++) adwin.add(coin(random, 0.6));
    expect(adwin.mean).toBeCloseTo(0.6, 1);
    expect(adwin.width).toBeLessThan(1500);
  });
});

describe("PageHinkley", () => {
  const history = Array.from({ length: 500 }, (_, i) => (i % 10 === 0 ? 1 : 0));

  it("alarms about as rarely as its threshold was set for, and soon after a rise", () => {
    const random = seededRandom(3);
    const threshold = pageHinkleyThreshold(history, { runLength: 2000, random });
    const test = new PageHinkley({ threshold });
    let falseAlarms = 0;
    for (let i = 0; i < 40_000; i++) if (test.add(coin(random, 0.1))) falseAlarms += 1;
    // 20 expected.
    expect(falseAlarms).toBeGreaterThan(4);
    expect(falseAlarms).toBeLessThan(50);
    const fresh = new PageHinkley({ threshold });
    for (let i = 0; i < 500; i++) fresh.add(i % 10 === 0 ? 1 : 0);
    let found = 0;
    for (let i = 1; i <= 500 && found === 0; i++) if (fresh.add(coin(random, 0.5))) found = i;
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(200);
  });
});

describe("populationStability", () => {
  it("is 0 for equal shares and grows with the distance", () => {
    expect(populationStability([10, 20], [10, 20])).toBe(0);
    const [near = 0, far = 0] = [
      [90, 110],
      [10, 190],
    ].map((current) => populationStability([100, 100], current));
    expect(near).toBeGreaterThan(0);
    expect(far).toBeGreaterThan(10 * near);
    expect(populationStability([100, 0], [0, 100])).toBeLessThan(20);
  });

  it("holds small samples against a larger critical value", () => {
    const test = (size: number, reference: readonly number[], current: readonly number[]) =>
      populationStabilityTest(
        { reference: reference.map((share) => share * size), current: current.map((share) => share * size) },
        { resamples: 500, random: seededRandom(4) },
      );
    const shares = [0.25, 0.25, 0.25, 0.25];
    const moved = [0.15, 0.35, 0.25, 0.25];
    expect(test(40, shares, moved).moved).toBe(false);
    expect(test(2000, shares, moved).moved).toBe(true);
    expect(test(40, shares, shares).critical).toBeGreaterThan(10 * test(2000, shares, shares).critical);
  });
});
