import { describe, expect, it } from "vitest";
import { loadTickets, type WorkloadOptions, workload } from "./index.ts";

const options: WorkloadOptions = {
  requests: 4000,
  tenants: 4,
  seed: 11,
  ratePerSecond: 50,
  popularShare: 0.7,
  popularCount: 10,
};

describe("workload", () => {
  it("is the same plan for the same seed", () => {
    expect([...workload(options)]).toEqual([...workload(options)]);
    expect([...workload({ ...options, seed: 12 })]).not.toEqual([...workload(options)]);
  });

  it("arrives in order, at the asked rate, with the spread of a Poisson process", () => {
    const times = [...workload(options)].map((request) => request.atMs);
    const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
    expect(mean).toBeGreaterThan(18);
    expect(mean).toBeLessThan(22);
    expect(deviation / mean).toBeGreaterThan(0.9);
    expect(deviation / mean).toBeLessThan(1.1);
  });

  it("repeats popular holdout tickets in proportion to 1/rank and never repeats a one-off", async () => {
    const ids = new Set((await loadTickets("holdout")).map((ticket) => ticket.id));
    const plan = [...workload(options)];
    const popular = plan.filter((request) => ids.has(request.ticket.id));
    expect(popular.length / plan.length).toBeGreaterThan(0.66);
    expect(popular.length / plan.length).toBeLessThan(0.74);
    const counts = [...Map.groupBy(popular, (request) => request.ticket.id).values()].map((group) => group.length);
    expect(counts.length).toBe(40);
    const firsts = popular.filter((request) => request.ticket.id.endsWith("-001")).length;
    const seconds = popular.filter((request) => request.ticket.id.endsWith("-002")).length;
    expect(firsts / seconds).toBeGreaterThan(1.6);
    expect(firsts / seconds).toBeLessThan(2.5);
    const oneOffs = plan.filter((request) => request.ticket.split === "live");
    expect(new Set(oneOffs.map((request) => request.ticket.id)).size).toBe(oneOffs.length);
  });

  it("sends every ticket as its own tenant", () => {
    const plan = [...workload(options)];
    expect(plan.every((request) => request.ticket.tenant === request.tenant)).toBe(true);
    expect(new Set(plan.map((request) => request.tenant)).size).toBe(4);
  });

  it("refuses a plan it can not make", () => {
    expect(() => [...workload({ ...options, tenants: 17 })]).toThrow("tenants must be 1 to 16");
    expect(() => [...workload({ ...options, popularCount: 0 })]).toThrow("popularCount must be 1 to 60");
  });
});
