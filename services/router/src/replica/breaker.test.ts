import { describe, expect, it } from "vitest";
import { HandClock } from "../measure/testing/hand-clock.ts";
import { Breaker } from "./breaker.ts";

const SENT = { isTrial: false };
const TRIAL = { isTrial: true };

function setUp() {
  const clock = new HandClock();
  const breaker = new Breaker(clock);
  /** As a fleet that may leave it out does. */
  const fail = (times = 1) => {
    for (let i = 0; i < times; i++) if (breaker.failed("connection refused", SENT)) breaker.trip();
  };
  const succeed = (times: number) => {
    for (let i = 0; i < times; i++) breaker.succeeded(SENT);
  };
  return { clock, breaker, fail, succeed };
}

describe("Breaker", () => {
  it("opens at the fifth failure in a row, and says why and for how long", () => {
    const { breaker, fail, clock } = setUp();
    fail(4);
    expect([breaker.state, breaker.admits, breaker.reason]).toEqual(["closed", true, undefined]);
    fail();
    expect([breaker.state, breaker.admits]).toEqual(["open", false]);
    expect(breaker.reason).toBe("5 failures in 10 s, last: connection refused; tries again in 3 s");
    clock.ms += 1500;
    expect(breaker.reason).toMatch(/tries again in 2 s$/);
  });

  it("opens where more than half fail, and not where few do", () => {
    const half = setUp();
    for (let i = 0; i < 60 && half.breaker.state === "closed"; i++) {
      half.fail(2);
      half.succeed(1);
    }
    expect(half.breaker.state).toBe("open");
    const few = setUp();
    for (let i = 0; i < 200; i++) {
      few.fail(1);
      few.succeed(3);
    }
    expect(few.breaker.state).toBe("closed");
  });

  it("does not add up failures of long ago", () => {
    const { breaker, fail, clock } = setUp();
    for (let i = 0; i < 50; i++) {
      fail();
      clock.ms += 3000;
    }
    expect(breaker.state).toBe("closed");
  });

  it("lets one request through after the pause: it closes when that goes well", () => {
    const { breaker, fail, clock } = setUp();
    fail(5);
    clock.ms += 3000;
    expect([breaker.state, breaker.admits]).toEqual(["half-open", true]);
    expect(breaker.reason).toMatch(/the next request is a trial$/);
    expect(breaker.passed()).toBe(true);
    expect([breaker.state, breaker.admits]).toEqual(["half-open", false]);
    expect(breaker.reason).toMatch(/one request is on trial$/);
    breaker.succeeded(TRIAL);
    expect([breaker.state, breaker.admits, breaker.reason]).toEqual(["closed", true, undefined]);
    expect(breaker.passed()).toBe(false);
    fail(4);
    expect(breaker.state).toBe("closed");
  });

  it("gives the trial to the next one where its caller left", () => {
    const { breaker, fail, clock } = setUp();
    fail(5);
    clock.ms += 3000;
    breaker.passed();
    breaker.trialEnded();
    expect(breaker.admits).toBe(true);
  });

  it("stays away longer after each failed trial, up to a minute, and forgives after a quiet one", () => {
    const { breaker, fail, clock } = setUp();
    fail(5);
    const pauses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const beganMs = clock.ms;
      while (breaker.state === "open") clock.ms += 500;
      pauses.push((clock.ms - beganMs) / 1000);
      breaker.passed();
      expect(breaker.failed("still dead", TRIAL)).toBe(true);
      breaker.trip();
    }
    expect(pauses).toEqual([3, 6, 12, 24, 48, 60, 60]);
    expect(breaker.reason).toMatch(/failures? in 10 s, last: still dead; tries again in 60 s$/);
    clock.ms += 60_000;
    breaker.passed();
    breaker.succeeded(TRIAL);
    clock.ms += 60_001;
    fail(5);
    expect(breaker.reason).toMatch(/tries again in 3 s$/);
  });

  it("is not moved by the ends of requests that were sent before it opened", () => {
    const { breaker, fail, clock } = setUp();
    fail(5);
    breaker.succeeded(SENT);
    expect(breaker.state).toBe("open");
    clock.ms += 3000;
    breaker.passed();
    expect(breaker.failed("late", SENT)).toBe(false);
    breaker.succeeded(SENT);
    expect(breaker.state).toBe("half-open");
  });

  it("opens for another reason, and can be told to try now", () => {
    const { breaker } = setUp();
    breaker.trip("first tokens take 9 times as long as elsewhere");
    expect(breaker.reason).toBe("first tokens take 9 times as long as elsewhere; tries again in 3 s");
    breaker.tryNow();
    expect([breaker.state, breaker.admits]).toEqual(["half-open", true]);
  });
});
