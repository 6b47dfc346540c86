import { describe, expect, it } from "vitest";
import { Drift } from "./drift.ts";

const logs = (options: ConstructorParameters<typeof Drift>[0], everyMs: number, count: number) => {
  const drift = new Drift(options);
  return Array.from({ length: count }, (_, i) => Math.log(drift.factorAt(i * everyMs)));
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("Drift", () => {
  it("has the deviation and the memory it is told", () => {
    const values = logs({ sd: 0.2, timeMs: 1000, seed: 4 }, 125, 40_000);
    const variance = mean(values.map((value) => value * value));
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.2, 1);
    const lagged = mean(values.slice(8).map((value, i) => value * (values[i] ?? 0)));
    expect(lagged / variance).toBeGreaterThan(0.3);
    expect(lagged / variance).toBeLessThan(0.45);
  });

  it("depends on time and seed, not on when it was asked before", () => {
    const options = { sd: 0.2, timeMs: 1000, seed: 4 };
    const rare = new Drift(options);
    const often = new Drift(options);
    for (let atMs = 0; atMs < 5000; atMs += 7) often.factorAt(atMs);
    expect(often.factorAt(5000)).toBe(rare.factorAt(5000));
    expect(new Drift({ ...options, seed: 5 }).factorAt(5000)).not.toBe(rare.factorAt(6000));
    expect(new Drift({ ...options, sd: 0 }).factorAt(5000)).toBe(1);
  });
});
