import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type Sample, Stats } from "./stats.ts";

class ManualClock {
  ms = 1_000_000;
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
}

const sample = (over: Partial<Sample> = {}): Sample => ({
  ...{ model: "m", tenant: "t", ok: true, cacheHit: false, ttftMs: 10, turnMs: 20, interTokenMs: [] },
  ...over,
});

describe("Stats", () => {
  it("counts arrivals per second as average and as the busiest one and ten seconds", () => {
    const clock = new ManualClock();
    const stats = new Stats(clock);
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < (second === 12 ? 50 : 2); i++) stats.arrived();
      clock.ms += 1000;
    }
    expect(stats.snapshot()).toMatchObject({
      rpsAvg: (29 * 2 + 50) / 30,
      rpsPeak1s: 50,
      rpsPeak10s: (9 * 2 + 50) / 10,
    });
  });

  it("equals numpy's percentiles, and tells models, tenants, errors and hits apart", () => {
    const stats = new Stats(new ManualClock());
    for (let i = 1; i <= 4; i++) stats.add(sample({ ttftMs: i, turnMs: i * 10, interTokenMs: [i, i] }));
    stats.add(sample({ tenant: "u", ok: false, ttftMs: undefined }));
    stats.add(sample({ tenant: "u", cacheHit: true, ttftMs: 100 }));
    const { all, rows } = stats.snapshot();
    expect(all).toMatchObject({ requests: 6, errors: 1, cacheHits: 1 });
    const first = rows.find(({ tenant }) => tenant === "t");
    expect(first?.ttft).toMatchObject({ n: 4, p50Ms: 2.5, p95Ms: 3.8499999999999996 });
    expect(first?.interToken.n).toBe(8);
    expect(rows.find(({ tenant }) => tenant === "u")).toMatchObject({ requests: 2, errors: 1, ttft: { n: 1 } });
  });

  it("forgets what is older than a minute", () => {
    const clock = new ManualClock();
    const stats = new Stats(clock);
    stats.arrived();
    stats.departed();
    stats.add(sample());
    clock.ms += 61_000;
    expect(stats.snapshot()).toMatchObject({ rpsAvg: 0, rpsPeak1s: 0, inFlight: 0, all: { requests: 0 } });
  });

  it("stays bounded under any load", () => {
    const clock = new ManualClock();
    const stats = new Stats(clock);
    const random = seededRandom(1);
    for (let i = 0; i < 100_000; i++) {
      clock.ms += random() * 0.1;
      stats.add(sample({ tenant: `t${i % 3000}`, interTokenMs: [1, 2, 3] }));
    }
    const { all, rows } = stats.snapshot();
    expect(all.requests).toBeLessThanOrEqual(65_536);
    expect(all.interToken.n).toBeLessThanOrEqual(65_536 + 3);
    expect(rows.length).toBeLessThanOrEqual(1000);
  });
});
