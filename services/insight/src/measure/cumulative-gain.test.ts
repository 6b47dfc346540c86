import { type Random, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { RequestSample } from "../window/request-ring.ts";
import { TrafficLog } from "../window/traffic-log.ts";
import { cumulativeGainFigures, NEVER_CHANGED_ARM } from "./cumulative-gain.ts";

const START_MS = Date.UTC(2026, 0, 31);
const MINUTE_MS = 60_000;

/** One hour in which the mesh is slower or faster as a whole from minute to minute. */
function hour(random: Random, of: { gain: number; hitGain: number; minutes?: number }): TrafficLog {
  const log = new TrafficLog();
  const { gain, hitGain, minutes = 60 } = of;
  for (let minute = 0; minute < minutes; minute += 1) {
    const load = 0.5 + random();
    for (let index = 0; index < 200; index += 1) {
      const isSlice = random() < 0.05;
      const isHit = random() < 0.2 + (isSlice ? 0 : hitGain);
      const factor = isSlice ? 1 : 1 + gain;
      const sample: RequestSample = {
        arrivedMs: START_MS + minute * MINUTE_MS + index * 100,
        ttftMs: isHit ? 1 : 100 * load * factor * (0.7 + 0.6 * random()),
        turnMs: 500,
        queueMs: 0,
        completionTokens: 1,
        cache: isHit ? "hit" : "miss",
        status: "OK",
        refused: false,
        arm: isSlice ? NEVER_CHANGED_ARM : "",
        settingsVersion: 1,
      };
      log.push(sample, sample.arrivedMs);
    }
  }
  return log;
}

function gains(log: TrafficLog, seed = 1) {
  const window = { fromMs: START_MS, toMs: START_MS + 60 * MINUTE_MS };
  const [ttft, hits] = cumulativeGainFigures(log.blocks(window), { window, random: seededRandom(seed) });
  if (ttft === undefined || hits === undefined) throw new Error("there are two figures");
  return { ttft, hits };
}

describe("cumulativeGainFigures", () => {
  it("finds what all changes came to, with an interval around it", () => {
    const { ttft, hits } = gains(hour(seededRandom(21), { gain: -0.3, hitGain: 0 }));
    expect(ttft.interval?.high).toBeLessThan(-0.2);
    expect(ttft.interval?.low).toBeGreaterThan(-0.45);
    expect(ttft.interval?.low).toBeLessThan(ttft.value ?? 0);
    expect(hits.interval?.low).toBeLessThan(0);
    expect(hits.interval?.high).toBeGreaterThan(0);
  });

  it("finds a gain of the cache in points", () => {
    const { hits } = gains(hour(seededRandom(22), { gain: 0, hitGain: 0.2 }));
    expect(hits.interval?.low).toBeGreaterThan(0.1);
    expect(hits.interval?.high).toBeLessThan(0.3);
  });

  it("claims nothing where nothing was changed, in nineteen of twenty hours", () => {
    let claimed = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const { low = 0, high = 0 } =
        gains(hour(seededRandom(100 + seed), { gain: 0, hitGain: 0, minutes: 24 })).ttft.interval ?? {};
      if (low > 0 || high < 0) claimed += 1;
    }
    expect(claimed).toBeLessThanOrEqual(3);
  });

  it("has no interval on little, and no value without the slice", () => {
    const short = gains(hour(seededRandom(23), { gain: -0.3, hitGain: 0, minutes: 4 }));
    expect(short.ttft.value).toBeDefined();
    expect(short.ttft.interval).toBeUndefined();
    expect(gains(new TrafficLog()).ttft).toMatchObject({ value: undefined, n: 0 });
  });
});
