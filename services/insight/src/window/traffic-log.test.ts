import { quantile, seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { QuantileSketch } from "./quantile-sketch.ts";
import type { RequestSample } from "./request-ring.ts";
import { coveredWindow, mergedCell, TrafficLog } from "./traffic-log.ts";

const START_MS = Date.UTC(2026, 0, 31);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY = { fromMs: START_MS - 48 * HOUR_MS, toMs: START_MS + 48 * HOUR_MS };

function sample(arrivedMs: number, fields: Partial<RequestSample> = {}): RequestSample {
  return {
    arrivedMs,
    ttftMs: 20,
    turnMs: 100,
    queueMs: 1,
    completionTokens: 5,
    cache: "miss",
    status: "OK",
    refused: false,
    arm: "",
    settingsVersion: 0,
    ...fields,
  };
}

/** As it comes in: stored a moment after it ended. */
function push(log: TrafficLog, of: RequestSample): void {
  log.push(of, of.arrivedMs + of.turnMs);
}

describe("QuantileSketch", () => {
  it("is within one percent of the exact quantile, also when put together from many", () => {
    const random = seededRandom(3);
    const values = Float64Array.from({ length: 40_000 }, () => 0.3 * Math.exp(9 * random() ** 2));
    const parts = Array.from({ length: 50 }, () => new QuantileSketch());
    for (const [index, value] of values.entries()) parts[index % 50]?.add(value);
    const whole = new QuantileSketch();
    for (const part of parts) whole.merge(part);
    values.sort();
    expect(whole.n).toBe(40_000);
    for (const p of [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999]) {
      const exact = quantile(values, p);
      expect(Math.abs(whole.quantile(p) - exact) / exact).toBeLessThan(0.01);
    }
  });

  it("brackets a quantile as often as it says, and not on too few values", () => {
    const random = seededRandom(4);
    let held = 0;
    for (let run = 0; run < 400; run += 1) {
      const sketch = new QuantileSketch();
      for (let index = 0; index < 200; index += 1) sketch.add(100 * random());
      const { low = 0, high = 0 } = sketch.interval(0.5) ?? {};
      if (low <= 50 && high >= 50) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.91);
    const few = new QuantileSketch();
    for (const value of [1, 2, 3]) few.add(value);
    expect(few.interval(0.5)).toBeUndefined();
    expect(new QuantileSketch().quantile(0.5)).toBeNaN();
  });

  it("counts what is out of its range as the nearer end", () => {
    const sketch = new QuantileSketch();
    for (let decade = -9; decade < 12; decade += 1) sketch.add(10 ** decade);
    sketch.add(0);
    expect(sketch.n).toBe(22);
    expect(sketch.quantile(1) / 1e6).toBeCloseTo(1, 1);
    expect(sketch.quantile(0) / 0.01).toBeCloseTo(1, 1);
  });
});

describe("TrafficLog", () => {
  it("keeps the quantiles of a day within one percent after all single records are gone", () => {
    const random = seededRandom(5);
    const log = new TrafficLog();
    const values: number[] = [];
    for (let index = 0; index < 50_000; index += 1) {
      const ttftMs = random() < 0.3 ? 0.5 + random() : 20 + 200 * random() ** 3;
      values.push(ttftMs);
      push(log, sample(START_MS + (index / 50_000) * 20 * HOUR_MS, { ttftMs }));
    }
    const { ttftMs, n, ok, completionTokens } = mergedCell(log.blocks(DAY));
    expect([n, ok, completionTokens]).toEqual([50_000, 50_000, 250_000]);
    const sorted = Float64Array.from(values).sort();
    for (const p of [0.5, 0.95, 0.99]) {
      expect(Math.abs(ttftMs.quantile(p) / quantile(sorted, p) - 1)).toBeLessThan(0.01);
    }
    // Two hours of minutes at most and the rest by ten.
    expect(log.blocks(DAY).length).toBeLessThanOrEqual(130 + 22 * 6 + 1);
  });

  it("counts a late event in the minute its request arrived in, and each once", () => {
    const log = new TrafficLog();
    const arrivals = Array.from({ length: 600 }, (_, index) => START_MS + index * 1000);
    // Every tenth comes two minutes late.
    const order = [...arrivals.keys()].sort((a, b) => cameAt(a) - cameAt(b));
    function cameAt(index: number): number {
      return index * 1000 + (index % 10 === 0 ? 2 * MINUTE_MS : 0);
    }
    for (const index of order) log.push(sample(arrivals[index] ?? 0), START_MS + cameAt(index));
    const perMinute = log.blocks(DAY).map((block) => mergedCell([block]).n);
    expect(perMinute).toEqual(Array.from({ length: 10 }, () => 60));
  });

  it("takes what comes hours late into the tens of minutes, without a gap or an overlap", () => {
    const log = new TrafficLog();
    for (let minute = 0; minute < 6 * 60; minute += 1) push(log, sample(START_MS + minute * MINUTE_MS));
    for (let minute = 0; minute < 6 * 60; minute += 1) push(log, sample(START_MS + minute * MINUTE_MS + 5));
    const blocks = log.blocks(DAY);
    expect(mergedCell(blocks).n).toBe(720);
    for (const [index, { window }] of blocks.entries()) {
      const next = blocks[index + 1];
      if (next !== undefined) expect(next.window.fromMs).toBe(window.toMs + 1);
    }
  });

  it("keeps arms, settings versions and cache statuses apart", () => {
    const log = new TrafficLog();
    for (let index = 0; index < 90; index += 1) {
      const cache = index % 3 === 0 ? "hit" : "miss";
      push(log, sample(START_MS + index, { arm: index % 2 === 0 ? "canary" : "", settingsVersion: index % 5, cache }));
    }
    const blocks = log.blocks(DAY);
    expect(mergedCell(blocks, ({ arm }) => arm === "canary").n).toBe(45);
    expect(mergedCell(blocks, ({ cache }) => cache === "hit").n).toBe(30);
    expect(mergedCell(blocks, ({ settingsVersion, arm }) => settingsVersion === 4 && arm === "").n).toBe(9);
  });

  it("covers whole minutes, and never claims time that nobody has seen yet", () => {
    const log = new TrafficLog();
    for (let index = 0; index < 200; index += 1) push(log, sample(START_MS + index * 1000));
    const asked = { fromMs: START_MS + 70_000, toMs: START_MS + 130_000 };
    const blocks = log.blocks(asked);
    expect(mergedCell(blocks).n).toBe(120);
    expect(coveredWindow(blocks, asked)).toEqual({ fromMs: START_MS + MINUTE_MS, toMs: START_MS + 3 * MINUTE_MS - 1 });
    const last = coveredWindow(log.blocks({ fromMs: START_MS + 190_000, toMs: START_MS + 199_500 }), asked);
    expect(last.toMs).toBe(START_MS + 199_500);
  });

  it("holds a bounded number of groups and of blocks, and says from when on it is whole", () => {
    const log = new TrafficLog();
    for (let index = 0; index < 2000; index += 1) push(log, sample(START_MS, { arm: `arm-${index}` }));
    const [block] = log.blocks(DAY);
    expect(block?.cells.length).toBeLessThanOrEqual(30);
    expect(mergedCell(log.blocks(DAY)).n).toBe(2000);
    for (let minute = 0; minute < 3 * 24 * 60; minute += 30) {
      const arrivedMs = START_MS + minute * MINUTE_MS;
      for (let arm = 0; arm < 40; arm += 1) push(log, sample(arrivedMs, { arm: `arm-${arm}` }));
    }
    const newestMs = START_MS + (3 * 24 * 60 - 30) * MINUTE_MS;
    expect(log.letGoBeforeMs).toBeGreaterThanOrEqual(newestMs - 24 * HOUR_MS - 10 * MINUTE_MS);
    const kept = log.blocks({ fromMs: 0, toMs: newestMs + 1 });
    expect(kept.every(({ window }) => window.toMs >= log.letGoBeforeMs)).toBe(true);
    expect(kept.reduce((sum, { cells }) => sum + cells.length, 0)).toBeLessThanOrEqual(4096);
  });

  it("is not emptied by a router whose clock is years ahead", () => {
    const log = new TrafficLog();
    push(log, sample(START_MS));
    log.push(sample(START_MS + 10_000 * HOUR_MS), START_MS + 1000);
    expect(mergedCell(log.blocks(DAY)).n).toBe(1);
    expect(log.misdated).toBe(1);
  });
});
