import { Deferred } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { play } from "./player.ts";

/** Time that moves only when the player waits; `busyMs` is what each send keeps the player from its schedule. */
class FakeTime {
  nowMsValue = 0;
  clock = { nowMs: () => this.nowMsValue, monotonicMs: () => this.nowMsValue };
  sleep = async (ms: number) => {
    this.nowMsValue += ms;
  };
}

const plan = (...times: number[]) => times.map((atMs, id) => ({ id, atMs }));
const never = new AbortController().signal;

describe("play", () => {
  it("sends on schedule while nothing is answered", async () => {
    const time = new FakeTime();
    const sentAtMs: number[] = [];
    const answers = new Deferred<string>();
    const playing = play({
      plan: plan(0, 10, 10, 250),
      send: () => {
        sentAtMs.push(time.nowMsValue);
        if (sentAtMs.length === 4) answers.resolve("answer");
        return answers.promise;
      },
      clock: time.clock,
      sleep: time.sleep,
      signal: never,
    });
    const result = await playing;
    expect(sentAtMs).toEqual([0, 10, 10, 250]);
    expect(result).toMatchObject({ planned: 4, notSent: 0, mostInFlight: 4, lagMs: [0, 0, 0, 0] });
  });

  it("tells how late it was, and keeps to the schedule afterwards", async () => {
    const time = new FakeTime();
    const sentAtMs: number[] = [];
    const result = await play({
      plan: plan(0, 10, 20, 100),
      send: async ({ id }) => {
        sentAtMs.push(time.nowMsValue);
        if (id === 0) time.nowMsValue += 50;
      },
      clock: time.clock,
      sleep: time.sleep,
      signal: never,
    });
    expect(sentAtMs).toEqual([0, 50, 50, 100]);
    expect(result.lagMs).toEqual([0, 0, 30, 40]);
  });

  it("counts what it may not send as not sent, never as sent or dropped", async () => {
    const time = new FakeTime();
    const held = new Deferred<void>();
    const seen: number[] = [];
    const result = await play({
      plan: plan(0, 1, 2, 3),
      send: async ({ id }) => {
        seen.push(id);
        await held.promise;
      },
      clock: time.clock,
      sleep: async (ms) => {
        await time.sleep(ms);
        if (time.nowMsValue >= 3) {
          held.resolve();
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      signal: never,
      maxInFlight: 2,
    });
    expect(seen).toEqual([0, 1, 3]);
    expect(result).toMatchObject({ planned: 4, notSent: 1, mostInFlight: 2 });
    expect(result.answered).toHaveLength(3);
  });

  it("keeps failures apart and plays on", async () => {
    const time = new FakeTime();
    const result = await play({
      plan: plan(0, 1, 2),
      send: async ({ id }) => {
        if (id === 1) throw new Error("refused");
        return id;
      },
      clock: time.clock,
      sleep: time.sleep,
      signal: never,
    });
    expect(result.answered.map(({ result: id }) => id)).toEqual([0, 2]);
    expect(result.failures).toMatchObject([{ request: { id: 1 }, error: { message: "refused" } }]);
  });

  it("stops sending when it is stopped, and waits for what is open", async () => {
    const time = new FakeTime();
    const stop = new AbortController();
    const result = await play({
      plan: plan(0, 1, 2, 3),
      send: async ({ id }) => {
        if (id === 1) stop.abort();
        return id;
      },
      clock: time.clock,
      sleep: time.sleep,
      signal: stop.signal,
    });
    expect(result.planned).toBe(2);
    expect(result.answered).toHaveLength(2);
  });
});
