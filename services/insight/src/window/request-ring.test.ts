import { describe, expect, it } from "vitest";
import { RequestRing, type RequestSample } from "./request-ring.ts";

const sample: RequestSample = {
  arrivedMs: 1_000,
  ttftMs: 12.5,
  turnMs: 80.25,
  queueMs: 1.5,
  completionTokens: 7,
  cache: "miss",
  status: "OK",
  refused: false,
  arm: "canary",
  settingsVersion: 3,
};

describe("RequestRing", () => {
  it("gives back what was put in", () => {
    const ring = new RequestRing(4);
    const refused: RequestSample = {
      ...sample,
      ttftMs: undefined,
      queueMs: undefined,
      cache: "none",
      status: "UNAVAILABLE",
      refused: true,
      arm: "",
      settingsVersion: 0,
    };
    ring.push(sample);
    ring.push(refused);
    expect([...ring]).toEqual([sample, refused]);
    expect(ring.dropped).toBe(0);
  });

  it("holds no more than its capacity, lets the oldest go and counts it", () => {
    const ring = new RequestRing(3);
    for (const arrivedMs of [1, 9, 3, 4, 5]) ring.push({ ...sample, arrivedMs });
    expect([...ring].map((kept) => kept.arrivedMs).sort()).toEqual([3, 4, 5]);
    expect(ring.size).toBe(3);
    expect(ring.dropped).toBe(2);
    expect(ring.lastDroppedArrivalMs).toBe(9);
  });

  it("keeps a bounded number of arms apart", () => {
    const ring = new RequestRing(400);
    for (let index = 0; index < 400; index += 1) ring.push({ ...sample, arm: `arm-${index}` });
    const arms = [...ring].map(({ arm }) => arm);
    expect(arms.slice(0, 255)).toEqual(Array.from({ length: 255 }, (_, index) => `arm-${index}`));
    expect(new Set(arms.slice(255))).toEqual(new Set(["other"]));
  });
});
