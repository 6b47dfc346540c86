import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EstimateSchema, type WarmUp, WarmUpSchema } from "@chimera/contracts/cache";
import { describe, expect, it } from "vitest";
import { START_MS } from "../testing/events.ts";
import type { CacheVerdict, RequestSample } from "../window/request-ring.ts";
import { measureWarmUp, warmUpSince } from "./warm-up-measure.ts";

function warmUp(gainPp: number, half = 2): WarmUp {
  const overall = { value: gainPp, low: gainPp - half, high: gainPp + half, level: 0.95, n: 1000n };
  return create(WarmUpSchema, {
    startedAt: timestampFromMs(START_MS),
    gain: { treatedRequests: 900n, controlRequests: 100n, overallHitGainPp: create(EstimateSchema, overall) },
  });
}

/** Hits take 5 to 10 ms, misses 100 to 200 ms. */
function window(hits: number, misses: number): RequestSample[] {
  const one = (cache: CacheVerdict, ttftMs: number) => ({ cache, ttftMs }) as RequestSample;
  return [
    ...Array.from({ length: hits }, (_, i) => one("hit", 5 + (5 * i) / hits)),
    ...Array.from({ length: misses }, (_, i) => one("miss", 100 + (100 * i) / misses)),
  ];
}

describe("measureWarmUp", () => {
  it("values the hits that were gained by the times of hits and misses in the window", () => {
    const measured = measureWarmUp("ttft_p50_ms", warmUp(30), window(700, 300));
    // Without them 40 % hit: the median was a miss.
    expect(measured.relative).toBeLessThan(-0.85);
    expect(measured.interval99?.high).toBeLessThan(-0.8);
    expect(measured.n).toEqual({ on: 900, off: 100 });
    const hits = measureWarmUp("hit_ratio", warmUp(30), window(700, 300));
    expect(hits.relative).toBeCloseTo(0.7 / 0.4 - 1);
  });

  it("has an interval around nothing where the cache can not tell the gain from none", () => {
    const { interval95 } = measureWarmUp("ttft_p50_ms", warmUp(1, 20), window(500, 500));
    expect(interval95?.low).toBeLessThan(0);
    expect(interval95?.high).toBeGreaterThanOrEqual(0);
  });

  it("says nothing where the cache says nothing", () => {
    const nothing = create(WarmUpSchema, { startedAt: timestampFromMs(START_MS) });
    expect(measureWarmUp("ttft_p50_ms", nothing, window(500, 500)).relative).toBeUndefined();
  });
});

it("takes the newest warm-up that began after the promise, and none from before", () => {
  const earlier = create(WarmUpSchema, { startedAt: timestampFromMs(START_MS - 1) });
  expect(warmUpSince([earlier, warmUp(1)], START_MS)).toEqual(warmUp(1));
  expect(warmUpSince([earlier], START_MS)).toBeUndefined();
});
