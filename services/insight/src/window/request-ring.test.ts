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
});
