import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { GaussianProcess } from "./gaussian-process.ts";
import { axisDensity } from "./parzen.ts";
import { SobolSequence } from "./sobol.ts";
import { SearchSpace } from "./space.ts";
import { tpeCandidates } from "./tpe.ts";

const mixed = new SearchSpace({
  parameters: {
    x: { kind: "float", low: 0, high: 1 },
    kind: { kind: "categorical", choices: ["a", "b", "c"] },
    n: { kind: "int", low: 0, high: 9, when: { parameter: "kind", in: ["b", "c"] } },
  },
});

describe("SobolSequence", () => {
  it("equals the published sequence without a shift", () => {
    const sequence = new SobolSequence(21, () => 0);
    const points = Array.from({ length: 38 }, () => [...sequence.next()]);
    // scipy.stats.qmc.Sobol(21, scramble=False)
    expect(points[37]).toEqual([
      0.921875, 0.640625, 0.578125, 0.921875, 0.765625, 0.296875, 0.171875, 0.796875, 0.609375, 0.171875, 0.015625,
      0.078125, 0.578125, 0.859375, 0.109375, 0.484375, 0.796875, 0.421875, 0.046875, 0.140625, 0.953125,
    ]);
  });

  it("puts one of 16 points into every sixteenth of every axis, shifted too", () => {
    const sequence = new SobolSequence(5, seededRandom(3));
    const points = Array.from({ length: 16 }, () => sequence.next());
    for (let axis = 0; axis < 5; axis++) {
      expect(new Set(points.map((point) => Math.floor((point[axis] ?? 0) * 16))).size).toBe(16);
    }
  });
});

describe("axisDensity", () => {
  it.each(mixed.axes)("adds up to 1 over an axis: $name", (axis) => {
    const density = axisDensity(axis, [0.05, 0.15, 0.9]);
    for (let component = 0; component < 4; component++) {
      const steps = axis.values === 0 ? 2000 : axis.values;
      const mass = Array.from({ length: steps }, (_, i) => Math.exp(density.logDensity(component, (i + 0.5) / steps)));
      const total = mass.reduce((sum, each) => sum + each, 0) * (axis.values === 0 ? 1 / steps : 1);
      expect(total).toBeCloseTo(1, 2);
    }
  });
});

describe("tpeCandidates", () => {
  it.each([false, true])("proposes where good ones lie, multivariate %s", (multivariate) => {
    const random = seededRandom(4);
    const scored = Array.from({ length: 40 }, () => {
      const configuration = mixed.at([random(), random(), random()]);
      const score = -Math.abs(Number(configuration.x) - 0.7) + (configuration.kind === "b" ? 0.5 : 0);
      return { point: mixed.pointOf(configuration), score };
    });
    const proposed = Array.from(
      { length: 20 },
      () => tpeCandidates(mixed, scored, { random, multivariate })[0]?.configuration,
    );
    expect(proposed.filter((each) => each?.kind === "b").length).toBeGreaterThan(13);
    expect(proposed.filter((each) => Math.abs(Number(each?.x) - 0.7) < 0.25).length).toBeGreaterThan(13);
  });
});

describe("GaussianProcess", () => {
  const truth = (x: number) => 0.8 + 0.15 * Math.exp(-(((x - 0.4) / 0.2) ** 2));
  function observed(n: number, random: () => number) {
    return Array.from({ length: n }, () => {
      const configuration = mixed.at([random(), random(), random()]);
      const quality = truth(Number(configuration.x)) - (configuration.kind === "c" ? 0.1 : 0);
      const noise = 0.02 ** 2;
      const score = quality + 0.02 * Math.sqrt(12) * (random() - 0.5);
      return { point: mixed.pointOf(configuration), score, noise, quality };
    });
  }

  it("knows true qualities better than the scores do, and how well it knows them", () => {
    const observations = observed(60, seededRandom(5));
    const process = new GaussianProcess(mixed.axes, observations);
    const of = (error: (each: (typeof observations)[number]) => number) =>
      Math.sqrt(observations.reduce((sum, each) => sum + error(each) ** 2, 0) / observations.length);
    const smoothed = of(({ point, quality }) => process.at(point).mean - quality);
    expect(smoothed).toBeLessThan(0.7 * of(({ score, quality }) => score - quality));
    const inside = observations.filter(({ point, quality }) => {
      const { mean, sd } = process.at(point);
      return Math.abs(mean - quality) < 2 * sd;
    });
    expect(inside.length).toBeGreaterThan(48);
  });

  it("tells configurations it has not seen apart", () => {
    const process = new GaussianProcess(mixed.axes, observed(60, seededRandom(6)));
    const at = (x: number, kind: string, n?: number) =>
      process.at(mixed.pointOf({ x, kind, ...(n === undefined ? {} : { n }) })).mean;
    expect(at(0.4, "a")).toBeGreaterThan(at(0.95, "a") + 0.05);
    expect(at(0.4, "b", 5)).toBeGreaterThan(at(0.4, "c", 5) + 0.05);
  });

  it("is sure where much was measured and unsure elsewhere", () => {
    const point = mixed.pointOf({ x: 0.1, kind: "a" });
    const observations = Array.from({ length: 10 }, (_, i) => ({ point, score: 0.9 + 0.002 * (i % 2), noise: 0.0001 }));
    const process = new GaussianProcess(mixed.axes, observations);
    expect(process.at(point).sd).toBeLessThan(process.at(mixed.pointOf({ x: 0.9, kind: "c", n: 3 })).sd);
  });
});
