import { describe, expect, it } from "vitest";
import { hitRatioNeeded, mixedQuantile } from "./hit-mixture.ts";

const missMs = Float64Array.from({ length: 1001 }, (_, i) => 100 + i);
const ttft = { hitMs: Float64Array.of(2, 3, 4), missMs };

describe("TTFT of hits and misses together", () => {
  it("has its median at the (0.5 - h) / (1 - h) quantile of the misses", () => {
    expect(mixedQuantile(ttft, 0, 0.5)).toBe(600);
    expect(mixedQuantile(ttft, 0.2, 0.5)).toBeCloseTo(100 + (1001 * 0.3) / 0.8, -1);
    expect(mixedQuantile(ttft, 0.7, 0.5)).toBeLessThanOrEqual(4);
  });

  it("says how many must become hits for what was asked", () => {
    // 30 % below 600 is 420: the 0.32 quantile of the misses.
    expect(hitRatioNeeded(ttft, 0, 0.3)).toBeCloseTo(0.18 / 0.68, 2);
    expect(hitRatioNeeded({ ...ttft, hitMs: Float64Array.of(500) }, 0, 0.3)).toBeUndefined();
  });

  it("knows no time of a side that has weight and was never measured", () => {
    expect(mixedQuantile({ hitMs: new Float64Array(), missMs }, 0.1, 0.5)).toBeNaN();
  });
});
