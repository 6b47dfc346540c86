import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { outcomeOf, predictedChange, predictionOf } from "../testing/predictions.ts";
import { alarmThreshold, calibration, probabilityOfGain, winkler } from "./calibration.ts";
import type { Verdict } from "./prediction.ts";
import { calibrated, widened } from "./scaling.ts";
import { covers, type Settled } from "./settled.ts";

function pair(relative: number | undefined, fields: { verdict?: Verdict; predicted?: number } = {}): Settled {
  const { verdict = "kept", predicted = -0.3 } = fields;
  return {
    prediction: predictionOf("p", { change: predictedChange(predicted, 0.05) }),
    outcome: outcomeOf("p", verdict, { relative }),
  };
}

const times = <T>(n: number, make: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => make(index));
const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe("calibration", () => {
  it("counts how often intervals held, and leaves out what was not measured", () => {
    const found = calibration([pair(-0.3), pair(-0.33), pair(-0.36), pair(-0.6), pair(undefined)]);
    expect(found.coverage50).toMatchObject({ covered: 2, n: 4 });
    expect(found.coverage90).toMatchObject({ covered: 3, n: 4 });
    expect(found.coverage90.band.low).toBeCloseTo(0.301, 3);
    expect(found.n).toBe(4);
  });

  it("tells promises that are too large from those that are right", () => {
    const random = seededRandom(1);
    const half = calibration(times(40, () => pair(-0.15 + 0.02 * normal(random))));
    expect(half.bias?.mean).toBeCloseTo(0.5, 1);
    expect(half.bias?.interval?.high).toBeLessThan(0.6);
    expect(calibration([pair(0.1, { predicted: 0 })]).bias).toBeUndefined();
  });

  it("scores better than no change where changes come as promised, and worse where nothing changes", () => {
    expect(winkler({ low: 0, high: 1, level: 0.9 }, 0.5)).toBe(1);
    expect(winkler({ low: 0, high: 1, level: 0.9 }, 1.5)).toBeCloseTo(11);
    const right = calibration([pair(-0.28), pair(-0.31)]).intervalScore;
    expect(right?.mean).toBeLessThan(right?.noChange ?? 0);
    const wrong = calibration([pair(0), pair(0.01)]).intervalScore;
    expect(wrong?.mean).toBeGreaterThan(wrong?.noChange ?? 0);
  });

  it("reads from a prediction how sure it is of a gain, by what is better for its metric", () => {
    const sure = predictionOf("p", { change: predictedChange(-0.3, 0.05) });
    expect(probabilityOfGain(sure)).toBeGreaterThan(0.999);
    expect(probabilityOfGain({ ...sure, metric: "capacity_rps" })).toBeLessThan(0.001);
    expect(probabilityOfGain({ metric: "accuracy", change: predictedChange(0.05, 0.05) })).toBeCloseTo(0.841, 2);
    expect(calibration([pair(-0.3), pair(0.1, { verdict: "rolled back" })]).brier).toMatchObject({
      shareKept: 0.5,
      constant: 0.25,
      mean: expect.closeTo(0.5, 3),
    });
  });

  it("raises the alarm at fifteen of twenty and at forty of fifty, and not below twenty predictions", () => {
    expect([alarmThreshold(20), alarmThreshold(50)]).toEqual([15, 40]);
    const held = (covered: number, n: number) => times(n, (index) => pair(index < covered ? -0.3 : 0.5));
    expect(calibration(held(15, 20)).alarm.state).toBe("alarm");
    expect(calibration(held(16, 20)).alarm.state).toBe("ok");
    expect(calibration(held(0, 19)).alarm.state).toBe("unknown");
    // The newest fifty count, whatever came before.
    expect(calibration([...held(50, 50), ...held(40, 50)]).alarm).toMatchObject({ state: "alarm", n: 50 });
    expect(calibration([...held(0, 50), ...held(50, 50)]).alarm.state).toBe("ok");
  });
});

describe("scaled intervals", () => {
  /** Predicts, measures, and goes on with what it learnt; the method's own deviation is wrong by `scale`. */
  function simulate(seed: number, scale: (index: number) => number, n = 400): Settled[] {
    const random = seededRandom(seed);
    const history: Settled[] = [];
    for (let index = 0; index < n; index += 1) {
      const promise = -0.4 * random();
      const deviation = 0.02 + 0.06 * random();
      const prediction = calibrated(
        predictionOf(`p${index}`, { change: predictedChange(promise, deviation) }),
        history,
      );
      const relative = promise + scale(index) * deviation * normal(random);
      history.push({ prediction, outcome: outcomeOf(prediction.id, "kept", { relative }) });
    }
    return history;
  }

  const WARM_IN = 30;

  it.each([
    ["four times too narrow", 4],
    ["twice too narrow", 2],
    ["right", 1],
    ["three times too wide", 1 / 3],
  ])("hold nine times of ten where the method's are %s", (_, scale) => {
    for (const seed of [11, 12, 13]) {
      const { coverage50, coverage90 } = calibration(simulate(seed, () => scale).slice(WARM_IN));
      const [share50, share90] = [coverage50.covered / coverage50.n, coverage90.covered / coverage90.n];
      expect(share90).toBeGreaterThanOrEqual(0.85);
      expect(share90).toBeLessThanOrEqual(0.95);
      expect(Math.abs(share50 - 0.5)).toBeLessThan(0.1);
    }
  });

  it("follow a method that grows worse, and one that was mended", () => {
    const drifting = simulate(14, (index) => (index < 300 ? 1 : 3), 900);
    expect(calibration(drifting.slice(500)).coverage90.covered / 400).toBeGreaterThan(0.85);
    const mended = simulate(15, (index) => (index < 300 ? 3 : 1), 900);
    expect(calibration(mended.slice(500)).coverage90.covered / 400).toBeLessThan(0.96);
  });

  it("never become narrower on little evidence, and stay what they are on none", () => {
    const change = predictedChange(-0.3);
    expect(widened(change, [])).toEqual(change);
    const exact = widened(
      change,
      times(10, () => pair(-0.3)),
    );
    expect(exact.interval90).toEqual(change.interval90);
    const far = widened(change, [pair(-0.1)]);
    expect(far.interval90.high).toBeCloseTo(-0.1);
    expect(covers(far, "interval90", -0.1)).toBe(true);
    expect(far.interval90.low).toBeCloseTo(-0.5);
  });

  it("are judged by a remedy's own past once there is enough of it", () => {
    const others = times(30, () => {
      const { prediction, outcome } = pair(0.2);
      return { prediction: { ...prediction, remedy: "slots" }, outcome };
    });
    const own = times(20, (index) => pair(-0.3 + 0.004 * index));
    const change = predictedChange(-0.3);
    const width = (of: typeof change) => of.interval90.high - of.interval90.low;
    expect(width(widened(change, [...others, ...own], "cache-warm-up"))).toBeLessThan(0.3);
    expect(width(widened(change, [...others, ...own.slice(1)], "cache-warm-up"))).toBeGreaterThan(0.9);
  });
});
