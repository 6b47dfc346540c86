import { describe, expect, it } from "vitest";
import { type SimulatedPolicy, type Simulation, type SimulationOptions, simulate } from "./simulation.ts";
import { createRequests, popularBytes, type SyntheticOptions } from "./traces/synthetic.ts";
import type { TraceRequest } from "./traces/trace.ts";
import { WorkingSet } from "./working-set.ts";

const clock = { monotonicMs: () => 0 };

function request(key: string, bytes = 10): TraceRequest {
  return { key, bytes, promptTokens: 0, completionTokens: 5, ttftMs: 10 };
}

function play(requests: Iterable<TraceRequest>, options: Partial<SimulationOptions>): Promise<Simulation> {
  async function* trace() {
    yield* requests;
  }
  return simulate({ trace, policies: ["lru"], sizes: [{ bytes: 1000 }], warmUpShare: 0, clock, ...options });
}

async function hitRatios(options: SyntheticOptions, share: number): Promise<Record<SimulatedPolicy, number>> {
  const policies = ["lru", "sieve", "s3-fifo", "w-tinylfu", "optimum"] as const;
  const sizes = [{ bytes: share * popularBytes(options) }];
  const requests = [...createRequests(options)];
  const { outcomes } = await play(requests, { policies, sizes, warmUpShare: 0.2 });
  return Object.fromEntries(outcomes.map((each) => [each.policy, each.hits / each.requests])) as Record<
    SimulatedPolicy,
    number
  >;
}

describe("simulate", () => {
  it("counts hits, their bytes and the time they save", async () => {
    const requests = [request("a"), request("b", 30), request("a"), request("b", 30), request("a")];
    const { outcomes } = await play(requests, {});
    expect(outcomes).toEqual([
      {
        policy: "lru",
        capacityBytes: 1000,
        requests: 5,
        hits: 3,
        bytes: 90,
        hitBytes: 50,
        computeMs: 500,
        savedMs: 300,
        decisionUs: 0,
        maxBytes: 40,
      },
    ]);
  });

  it("leaves out the first part of the trace, and takes sizes as parts of all that is different", async () => {
    const requests = ["a", "b", "a", "a"].map((key) => request(key, 1));
    const { uniqueBytes, outcomes } = await play(requests, { warmUpShare: 0.5, sizes: [{ share: 1 }, { share: 0.5 }] });
    expect([uniqueBytes, outcomes[0]?.requests]).toEqual([2, 2]);
    expect(outcomes.map(({ capacityBytes }) => capacityBytes)).toEqual([2, 1]);
  });

  it("finds for the optimum what only the future tells", async () => {
    // One prompt more than fits, round and round: LRU always evicts the one that comes next.
    const round = Array.from({ length: 21 }, (_, number) => request(`${number}`, 50));
    const requests = Array.from({ length: 20 }, () => round).flat();
    const { outcomes } = await play(requests, { policies: ["lru", "optimum"] });
    const [lru, optimum] = outcomes.map((outcome) => outcome.hits / outcome.requests);
    expect(lru).toBe(0);
    expect(optimum).toBeGreaterThan(0.85);
  });

  it("stops where it is told to", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(play([request("a")], { signal })).rejects.toThrow("enough");
  });

  it("finds the order of the policies under drift: none below LRU, S3-FIFO first, the optimum above all", async () => {
    const options = { requests: 60_000, popular: 6000, alpha: 0.9, uniques: 0.3, drift: 0.1, seed: 1 };
    const ratios = await hitRatios(options, 0.1);
    expect(ratios["s3-fifo"] - ratios.lru).toBeGreaterThan(0.04);
    expect(ratios["s3-fifo"]).toBeGreaterThan(ratios.sieve);
    expect(ratios["s3-fifo"]).toBeGreaterThan(ratios["w-tinylfu"]);
    expect(ratios.optimum).toBeGreaterThan(ratios["s3-fifo"] + 0.03);
    expect(Math.min(ratios.sieve, ratios["w-tinylfu"])).toBeGreaterThan(ratios.lru);
  });
});

describe("WorkingSet", () => {
  it("is exact while small, and within two percent when sampled", () => {
    const set = new WorkingSet();
    for (let number = 0; number < 100_000; number += 1) set.add(`key-${number % 50_000}`, 10);
    expect(set.bytes).toBe(500_000);
    for (let number = 0; number < 400_000; number += 1) set.add(`key-${number}`, 10);
    expect(Math.abs(set.bytes / 4_000_000 - 1)).toBeLessThan(0.02);
  });
});

describe("createRequests", () => {
  it("makes the same trace of the same seed, and another of another", () => {
    const keys = (seed: number) => [...createRequests({ requests: 500, seed })].map(({ key }) => key);
    expect(keys(1)).toEqual(keys(1));
    expect(keys(1)).not.toEqual(keys(2));
  });

  it("asks for unique prompts as often as told, and for popular ones by Zipf's law", () => {
    const requests = [...createRequests({ requests: 50_000, popular: 1000, alpha: 1, uniques: 0.4, seed: 2 })];
    const popular = requests.filter(({ key }) => key.startsWith("popular-"));
    expect(1 - popular.length / requests.length).toBeCloseTo(0.4, 1);
    const count = (key: string) => popular.filter((each) => each.key === key).length;
    expect(count("popular-0") / count("popular-9")).toBeGreaterThan(7);
    expect(count("popular-0") / count("popular-9")).toBeLessThan(14);
  });

  it("deals popularity anew under drift", () => {
    const share = (drift: number) => {
      const requests = [...createRequests({ requests: 60_000, popular: 100, alpha: 1.2, uniques: 0, drift, seed: 3 })];
      return requests.slice(50_000).filter(({ key }) => key === "popular-0").length / 10_000;
    };
    expect(share(0)).toBeGreaterThan(0.2);
    expect(share(1)).toBeLessThan(0.1);
  });
});
