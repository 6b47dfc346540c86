import { systemClock } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DrainRate } from "./drain-rate.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function serve(rate: DrainRate, { times, everyMs, cost }: { times: number; everyMs: number; cost: number }): void {
  for (let i = 0; i < times; i++) {
    vi.advanceTimersByTime(everyMs);
    rate.served(cost);
  }
}

describe("DrainRate", () => {
  it("is not known before a few were served, and right from then on", () => {
    const rate = new DrainRate(systemClock);
    rate.waits(true);
    serve(rate, { times: 7, everyMs: 500, cost: 100 });
    expect(rate.perS).toBeUndefined();
    serve(rate, { times: 1, everyMs: 500, cost: 100 });
    expect(rate.perS).toBeGreaterThan(190);
    expect(rate.perS).toBeLessThan(220);
  });

  it("does not take a quiet hour for a slow one", () => {
    const rate = new DrainRate(systemClock);
    rate.waits(true);
    serve(rate, { times: 100, everyMs: 100, cost: 50 });
    rate.waits(false);
    const before = rate.perS;
    serve(rate, { times: 60, everyMs: 60_000, cost: 1 });
    expect(rate.perS).toBe(before);
  });

  it("follows when replicas come, and falls to nothing when none is left", () => {
    const rate = new DrainRate(systemClock);
    rate.waits(true);
    serve(rate, { times: 100, everyMs: 100, cost: 50 });
    serve(rate, { times: 500, everyMs: 50, cost: 50 });
    expect(rate.perS).toBeGreaterThan(900);
    expect(rate.perS).toBeLessThan(1010);
    vi.advanceTimersByTime(60_000);
    expect(rate.perS).toBeLessThan(10);
  });
});
