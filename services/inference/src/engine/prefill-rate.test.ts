import { describe, expect, it } from "vitest";
import { PrefillRate } from "./prefill-rate.ts";

describe("PrefillRate", () => {
  it("is unknown until a prompt was computed", () => {
    const rate = new PrefillRate();
    expect(rate.tokensPerS).toBeUndefined();
    rate.record(500, 50);
    expect(rate.tokensPerS).toBeCloseTo(10_000, 6);
  });

  it("does not take the one token of a kept prompt for slow computing", () => {
    const rate = new PrefillRate();
    rate.record(500, 50);
    for (let i = 0; i < 1000; i++) rate.record(1, 2);
    expect(rate.tokensPerS).toBeCloseTo(10_000, 6);
  });

  it("follows a machine that became slower", () => {
    const rate = new PrefillRate();
    for (let i = 0; i < 100; i++) rate.record(500, 50);
    for (let i = 0; i < 100; i++) rate.record(500, 500);
    expect(rate.tokensPerS).toBeGreaterThan(1000);
    expect(rate.tokensPerS).toBeLessThan(1100);
  });
});
