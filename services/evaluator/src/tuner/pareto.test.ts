import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { dominates, hypervolume, meets, paretoFront } from "./pareto.ts";
import { Halving, isBehind } from "./racing.ts";

function measured(quality: number, ttftMs: number, { tokens = 100, n = 400, seed = 1 } = {}) {
  const random = seededRandom(seed);
  const items = Array.from({ length: n }, () => random());
  return {
    score: items.map((luck) => (luck < quality ? 1 : 0)),
    ttftMs: items.map((luck) => ttftMs * (1 + 0.1 * luck)),
    tokens: items.map(() => tokens),
  };
}

describe("paretoFront", () => {
  it("drops what is worse for sure, keeps what is not, and every trade", () => {
    const trials = [
      { name: "good", search: measured(0.9, 100) },
      { name: "clearly worse", search: measured(0.7, 100) },
      { name: "worse but fast", search: measured(0.8, 50) },
      { name: "good, long and slow", search: measured(0.9, 200, { tokens: 300 }) },
    ];
    expect(paretoFront(trials).map(({ name }) => name)).toEqual(["good", "worse but fast"]);
  });

  it("does not let noise dominate", () => {
    const [left, right] = [measured(0.9, 100, { seed: 2, n: 50 }), measured(0.86, 100, { seed: 3, n: 50 })];
    const sameTime = { ...right, ttftMs: left.ttftMs };
    expect(dominates(left, sameTime) || dominates(sameTime, left)).toBe(false);
  });
});

describe("hypervolume", () => {
  const reference = { quality: 0, ttftMs: 10, tokens: 10 };
  it("is the volume of the union of boxes", () => {
    const points = [
      { quality: 1, ttftMs: 5, tokens: 5 },
      { quality: 0.5, ttftMs: 0, tokens: 5 },
      { quality: 0.5, ttftMs: 5, tokens: 0 },
    ];
    // 0.5 × 25 above 0.5; below it 75 of the 100.
    expect(hypervolume(points, reference)).toBeCloseTo(0.5 * 25 + 0.5 * 75, 12);
  });
  it("takes no notice of dominated points and of those beyond the reference", () => {
    const one = [{ quality: 1, ttftMs: 5, tokens: 5 }];
    const more = [...one, { quality: 0.4, ttftMs: 6, tokens: 6 }, { quality: 1, ttftMs: 11, tokens: 1 }];
    expect(hypervolume(more, reference)).toBeCloseTo(hypervolume(one, reference), 12);
    expect(hypervolume([], reference)).toBe(0);
  });
});

describe("meets", () => {
  it("holds the 95th percentile of time and the mean of tokens against the limits", () => {
    const fast = measured(0.9, 100);
    expect(meets(fast, {})).toBe(true);
    expect(meets(fast, { ttftMsP95: 111, tokens: 100 })).toBe(true);
    expect(meets(fast, { ttftMsP95: 105 })).toBe(false);
    expect(meets(fast, { tokens: 99 })).toBe(false);
  });
});

describe("isBehind", () => {
  it("finds a clear loss, and gives up few equals however often it looks", () => {
    const random = seededRandom(7);
    const drawn = (quality: number) => Array.from({ length: 200 }, () => (random() < quality ? 1 : 0));
    const everBehind = (quality: number) => {
      const [candidate, best] = [drawn(quality), drawn(0.9)];
      return [50, 100, 150, 200].some((end) => isBehind(candidate.slice(0, end), best, 200));
    };
    const share = (quality: number) =>
      Array.from({ length: 300 }, () => everBehind(quality)).filter(Boolean).length / 300;
    expect(share(0.9)).toBeLessThan(0.05);
    expect(share(0.7)).toBeGreaterThan(0.9);
  });
});

describe("Halving", () => {
  it("lets the first ones through, then only the better part of a rung", () => {
    const halving = new Halving({ keptShare: 0.5, startAfter: 3 });
    const asked = [0.5, 0.6, 0.4, 0.3, 0.7].map((score) => {
      const goesOn = halving.goesOn(50, score);
      halving.note(50, score);
      return goesOn;
    });
    expect(asked).toEqual([true, true, true, false, true]);
    expect(halving.goesOn(100, 0.1)).toBe(true);
  });
});
