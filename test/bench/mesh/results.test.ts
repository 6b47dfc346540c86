import { describe, expect, it } from "vitest";
import type { Phase } from "./phase.ts";
import { planOf } from "./phase.ts";
import { failureLines, phaseResults } from "./results.ts";

const plan = planOf({ ratePerSecond: 10, seconds: 0.4, seed: 1 });
const [first, second, third, fourth] = plan;
if (!first || !second || !third || !fourth) throw new Error("the plan is too short");

const phase: Phase = {
  ratePerSecond: 10,
  seconds: 0.4,
  seed: 1,
  cache: "on",
  run: {
    sent: [
      answered(first, { dueAtMs: 0, sentAtMs: 4, firstTokenAtMs: 10, cacheHit: true }),
      answered(second, { dueAtMs: 100, sentAtMs: 100, firstTokenAtMs: 130, cacheHit: false }),
      { request: third, dueAtMs: 200, sentAtMs: 201, outcome: { ok: false, error: new Error("refused") } },
    ],
    notSent: 1,
    mostInFlight: 2,
    startedAtMs: 0,
    endedAtMs: 500,
  },
  foreignShare: 0.25,
  readings: [
    { name: "router", slices: [{ spent: 6, got: 2 }], rssMib: 100 },
    { name: "nats", slices: [{ spent: 2, got: 2 }], rssMib: 10 },
    { name: "client", slices: [{ spent: 50, got: 2 }], rssMib: 200 },
  ],
};

interface Times {
  dueAtMs: number;
  sentAtMs: number;
  firstTokenAtMs: number;
  cacheHit: boolean;
}

function answered(request: typeof first, { dueAtMs, sentAtMs, firstTokenAtMs, cacheHit }: Times) {
  if (!request) throw new Error("no request");
  const result = { firstTokenAtMs, completeAtMs: firstTokenAtMs + 5, cacheHit };
  return { request, dueAtMs, sentAtMs, outcome: { ok: true as const, result } };
}

const results = phaseResults(phase);
const figureOf = (id: string) => results.find((each) => each.id === id)?.value;

describe("the figures of a phase", () => {
  it("count latency from the time a request was due, and from its sending beside it", () => {
    expect(figureOf("mesh.r10.ttft_ms_p50")).toBe(20);
    expect(figureOf("mesh.r10.sent_ttft_ms_p50")).toBe(18);
    expect(figureOf("mesh.r10.turn_ms_p50")).toBe(25);
    expect(figureOf("mesh.r10.schedule_lag_ms_p50")).toBe(1);
  });

  it("count what failed and what was not sent as errors, and leave both out of latency and throughput", () => {
    expect(figureOf("mesh.r10.errors")).toBe(2);
    expect(results.find(({ id }) => id === "mesh.r10.errors")?.n).toBe(4);
    expect(figureOf("mesh.r10.rps")).toBe(4);
    expect(results.find(({ id }) => id === "mesh.r10.ttft_ms_p99")?.n).toBe(2);
  });

  it("come with the reasons of what failed", () => {
    expect(failureLines(phase)).toEqual(["1 × refused"]);
  });

  it("tell how busy the machine was with other things", () => {
    expect(figureOf("mesh.r10.foreign_cpu_share")).toBe(0.25);
  });

  it("tell hits from misses", () => {
    expect(figureOf("mesh.r10.cache_hit_ttft_ms_p50")).toBe(10);
    expect(figureOf("mesh.r10.cache_miss_ttft_ms_p50")).toBe(30);
    expect(figureOf("mesh.r10.cache_hit_share")).toBe(0.5);
  });

  it("charge a request with every process of the mesh, and not with the client", () => {
    expect(figureOf("mesh.r10.cpu_ms_per_request.router")).toBe(3);
    expect(figureOf("mesh.r10.cpu_ms_per_request.total")).toBe(4);
    expect(figureOf("mesh.r10.cpu_ms_per_request.client")).toBe(25);
    expect(figureOf("mesh.r10.rss_mib.router")).toBe(100);
  });

  it("of a phase without the cache have their own ids, each of them once", () => {
    const ids = [...results, ...phaseResults({ ...phase, cache: "off" })].map(({ id }) => id);
    expect(ids).toContain("mesh.r10.cache_off.ttft_ms_p50");
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => /cache_off\.cache_/.test(id))).toEqual([]);
  });
});
