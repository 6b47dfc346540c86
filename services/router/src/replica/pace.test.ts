import { describe, expect, it } from "vitest";
import { Pace, workOf } from "./pace.ts";

const NOTHING = { fleetMsPerToken: undefined, fleetTokensPerS: undefined };

function measured(msPerToken: number): Pace {
  const pace = new Pace();
  for (let i = 0; i < 100; i++) pace.record(100 * msPerToken, 100);
  return pace;
}

describe("Pace", () => {
  it("is the time to the first token over the work in front of it", () => {
    const work = workOf({ tokens: 400, outstanding: 2 });
    const pace = new Pace();
    pace.record(work * 0.5, work);
    expect(pace.msPerToken).toBeCloseTo(0.5, 9);
  });

  it("follows a change within some dozens of requests, and is not thrown by one", () => {
    const pace = measured(1);
    pace.record(5000, 100);
    expect(pace.msPerToken).toBeLessThan(1.3);
    for (let i = 0; i < 60; i++) pace.record(300, 100);
    expect(pace.msPerToken).toBeGreaterThan(2.7);
  });

  it("is guessed from the others, and from how its reported rate compares with theirs", () => {
    const pace = new Pace();
    expect(pace.msPerToken).toBeUndefined();
    pace.guess(NOTHING, 4000);
    expect(pace.msPerToken).toBe(0.25);
    pace.guess({ ...NOTHING, fleetMsPerToken: 0.4 }, undefined);
    expect(pace.msPerToken).toBe(0.4);
    pace.guess({ fleetMsPerToken: 0.4, fleetTokensPerS: 4000 }, 2000);
    expect(pace.msPerToken).toBeCloseTo(0.8, 9);
    pace.guess({ fleetMsPerToken: 0.4, fleetTokensPerS: 4000 }, 1);
    expect(pace.msPerToken).toBeCloseTo(1.6, 9);
    expect(pace.measured).toBeUndefined();
  });

  it("goes back to the guess while nothing new is measured: a slow replica is tried again", () => {
    const pace = measured(8);
    pace.guess({ ...NOTHING, fleetMsPerToken: 0.5 }, undefined);
    pace.relax();
    expect(pace.msPerToken).toBeCloseTo(8, 6);
    for (let second = 0; second < 10; second++) pace.relax();
    expect(pace.msPerToken).toBeCloseTo(2, 1);
    for (let second = 0; second < 120; second++) pace.relax();
    expect(pace.msPerToken).toBeCloseTo(0.5, 2);
  });

  it("survives a first token that took no time", () => {
    const pace = new Pace();
    pace.record(0, 100);
    pace.record(50, 100);
    expect(pace.msPerToken).toBeGreaterThan(0);
  });
});
