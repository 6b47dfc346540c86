import { type Clock, Deferred } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { openLoop } from "./open-loop.ts";

const plan = [0, 10, 25, 40].map((atMs) => ({ atMs }));
const never = new AbortController().signal;

/** A clock that only pacing moves, with `lateMs` added by a busy machine. */
function virtualTime(lateMs = 0) {
  let nowMs = 500;
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  return {
    clock,
    pace: async (atMs: number) => {
      nowMs = Math.max(nowMs, atMs + lateMs);
    },
  };
}

describe("an open loop", () => {
  it("sends every request on time though none is answered yet", async () => {
    const { clock, pace } = virtualTime();
    const answers = new Deferred<string>();
    const sentAtMs: number[] = [];
    const send = () => {
      sentAtMs.push(clock.monotonicMs());
      if (sentAtMs.length === plan.length) answers.resolve("done");
      return answers.promise;
    };
    const run = await openLoop({ plan, send, clock, pace, signal: never });
    expect(sentAtMs).toEqual([500, 510, 525, 540]);
    expect(run).toMatchObject({ mostInFlight: 4, notSent: 0, startedAtMs: 500, endedAtMs: 540 });
    expect(run.sent.map(({ outcome }) => outcome.ok)).toEqual([true, true, true, true]);
  });

  it("keeps the time a request was due beside the time it left", async () => {
    const { clock, pace } = virtualTime(7);
    const run = await openLoop({ plan, send: async () => "answer", clock, pace, signal: never });
    expect(run.sent.map(({ dueAtMs }) => dueAtMs)).toEqual([500, 510, 525, 540]);
    expect(run.sent.map(({ sentAtMs }) => sentAtMs)).toEqual([507, 517, 532, 547]);
  });

  it("refuses what would exceed the bound in flight, and counts it", async () => {
    const { clock, pace } = virtualTime();
    const answers = new Deferred<string>();
    let calls = 0;
    const send = () => {
      calls++;
      setImmediate(() => answers.resolve("late"));
      return answers.promise;
    };
    const run = await openLoop({ plan, send, clock, pace, signal: never, maxInFlight: 2 });
    expect(calls).toBe(2);
    expect(run).toMatchObject({ notSent: 2, mostInFlight: 2 });
    expect(run.sent).toHaveLength(2);
  });

  it("goes on after a failure and keeps its reason", async () => {
    const { clock, pace } = virtualTime();
    const send = async ({ atMs }: { atMs: number }) => {
      if (atMs === 10) throw new Error("refused");
      return "answer";
    };
    const run = await openLoop({ plan, send, clock, pace, signal: never });
    const failed = run.sent.filter(({ outcome }) => !outcome.ok);
    expect(run.sent).toHaveLength(4);
    expect(failed).toMatchObject([{ request: { atMs: 10 }, outcome: { error: new Error("refused") } }]);
  });

  it("sends nothing more once it is stopped", async () => {
    const { clock, pace } = virtualTime();
    const stop = new AbortController();
    const send = async ({ atMs }: { atMs: number }) => {
      if (atMs === 10) stop.abort();
    };
    const run = await openLoop({ plan, send, clock, pace, signal: stop.signal });
    expect(run.sent.map(({ request }) => request.atMs)).toEqual([0, 10]);
  });
});
