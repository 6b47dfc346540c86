import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type GrpcStatus, grpcStatuses } from "./grpc-status.ts";
import { RequestRing, type RequestSample } from "./request-ring.ts";
import { selectRequests } from "./request-window.ts";

function randomSamples(seed: number, n: number): RequestSample[] {
  const random = seededRandom(seed);
  const caches = ["none", "hit", "miss", "bypass", "joined"] as const;
  const pick = <T>(list: readonly T[], otherwise: T): T => list[Math.floor(random() * list.length)] ?? otherwise;
  return Array.from({ length: n }, () => ({
    arrivedMs: Math.floor(random() * 10_000),
    ttftMs: random() < 0.1 ? undefined : random() * 50,
    turnMs: random() * 900,
    queueMs: random() < 0.3 ? undefined : random() * 20,
    completionTokens: Math.floor(random() * 40),
    cache: pick(caches, "none"),
    status: random() < 0.7 ? "OK" : pick<GrpcStatus>(grpcStatuses, "OK"),
    refused: random() < 0.2,
    arm: pick(["", "canary"], ""),
    settingsVersion: Math.floor(random() * 3),
  }));
}

const ascending = (values: readonly (number | undefined)[]) =>
  values.filter((value) => value !== undefined).sort((a, b) => a - b);

describe("selectRequests", () => {
  it.each([1, 2, 3])("agrees with filtering by hand on random requests (seed %i)", (seed) => {
    const samples = randomSamples(seed, 700);
    const ring = new RequestRing(1000);
    for (const sample of samples) ring.push(sample);
    const window = { fromMs: 2_000, toMs: 7_500 };
    const inside = samples.filter((sample) => sample.arrivedMs >= 2_000 && sample.arrivedMs <= 7_500);
    const selected = selectRequests(ring, window);

    expect(selected.n).toBe(inside.length);
    expect([...selected.arrivedMs]).toEqual(ascending(inside.map((sample) => sample.arrivedMs)));
    expect([...selected.ttftMs]).toEqual(ascending(inside.map((sample) => sample.ttftMs)));
    const byCache = (cache: string) => inside.filter((sample) => sample.cache === cache);
    expect([...selected.ttftHitMs]).toEqual(ascending(byCache("hit").map((sample) => sample.ttftMs)));
    expect([...selected.ttftMissMs]).toEqual(ascending(byCache("miss").map((sample) => sample.ttftMs)));
    const fine = inside.filter((sample) => sample.status === "OK");
    const ends = samples.filter(({ status }) => status === "OK").map((sample) => sample.arrivedMs + sample.turnMs);
    expect([...selected.answeredMs]).toEqual(ascending(ends.filter((end) => end >= 2_000 && end <= 7_500)));
    expect(selected.refused).toBe(inside.filter((sample) => sample.refused).length);
    expect([...selected.turnMs]).toEqual(ascending(fine.map((sample) => sample.turnMs)));
    expect(selected.cacheHits).toBe(byCache("hit").length);
    expect(selected.cacheAsked).toBe(byCache("hit").length + byCache("miss").length);
    expect(selected.completionTokens).toBe(inside.reduce((sum, sample) => sum + sample.completionTokens, 0));
    for (const status of grpcStatuses) {
      const count = inside.filter((sample) => sample.status === status).length;
      expect(selected.statuses.get(status) ?? 0).toBe(count);
    }
  });

  it("counts time in flight millisecond by millisecond, with requests that began before the window", () => {
    const samples = randomSamples(4, 200).map((sample) => ({ ...sample, turnMs: Math.ceil(sample.turnMs) }));
    const window = { fromMs: 3_000, toMs: 6_000 };
    let inFlight = 0;
    for (let ms = window.fromMs; ms < window.toMs; ms += 1) {
      inFlight += samples.filter((sample) => sample.arrivedMs <= ms && ms < sample.arrivedMs + sample.turnMs).length;
    }
    expect(selectRequests(samples, window).inFlightSumMs).toBe(inFlight);
  });
});
