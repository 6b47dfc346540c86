import { seededRandom, systemClock } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type Arrived, type Door, deltaCounter } from "./doors.ts";
import type { EngineCounters, EngineWatch } from "./engine-watch.ts";
import { trial } from "./trial.ts";

/** An engine that tells what its script says. */
function engineOf(counters: EngineCounters[]): EngineWatch {
  return {
    counters: async () => counters.shift() ?? { finished: 0, cancelled: 0 },
    untilBusy: async (_signal, missed) => !missed(),
    untilIdle: async () => {
      const nowMs = systemClock.monotonicMs();
      return { notBeforeMs: nowMs - 2, notAfterMs: nowMs };
    },
    close: () => undefined,
  };
}

/** A door behind which `bring` happens as soon as it is opened. */
function doorOf(bring: (arrived: Arrived) => void) {
  let left = 0;
  const door: Door = {
    name: "grpc",
    open: (_question, arrived) => {
      bring(arrived);
      return { leave: () => left++, gone: Promise.resolve() };
    },
    close: () => undefined,
  };
  return { door, left: () => left };
}

const question = { content: "hi", maxTokens: 900 };
const signal = new AbortController().signal;
const stopped = [
  { finished: 7, cancelled: 1 },
  { finished: 7, cancelled: 2 },
];
const toolsOf = (counters: EngineCounters[]) => ({
  engine: engineOf([...counters]),
  clock: systemClock,
  random: seededRandom(1),
  signal,
});
const five = (arrived: Arrived) => Object.assign(arrived, { accepted: true, deltas: 5 });

describe("a trial", () => {
  it("gives the time to idle and how exactly it is known", async () => {
    const { door } = doorOf(five);
    const time = await trial(door, { moment: "mid", question }, toolsOf(stopped));
    expect(time?.engineMs).toBeGreaterThanOrEqual(0);
    expect(time?.resolutionMs).toBeCloseTo(2, 6);
  });

  it("does not count where the engine had finished before it heard of the leaving", async () => {
    const finished = [
      { finished: 7, cancelled: 1 },
      { finished: 8, cancelled: 1 },
    ];
    expect(await trial(doorOf(five).door, { moment: "mid", question }, toolsOf(finished))).toBeUndefined();
  });

  it("does not count where a token came before the client could leave, and leaves all the same", async () => {
    const { door, left } = doorOf(five);
    expect(await trial(door, { moment: "before_first", question }, toolsOf(stopped))).toBeUndefined();
    expect(left()).toBeGreaterThan(0);
  });

  it("does not wait for tokens of an answer that has ended", async () => {
    const { door } = doorOf((arrived) => Object.assign(arrived, { accepted: true, deltas: 3, ended: true }));
    expect(await trial(door, { moment: "mid", question }, toolsOf(stopped))).toBeUndefined();
  });
});

describe("pieces of an OpenAI stream", () => {
  const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;

  it("are the events with text, however the network cut them", () => {
    const text = [event({ role: "assistant", content: "" }), event({ content: "in" }), event({ content: "tent\n\n" })];
    const stream = `${text.join("")}data: ${JSON.stringify({ choices: [] })}\n\n${event({})}data: [DONE]\n\n`;
    for (const size of [1, 7, stream.length]) {
      const count = deltaCounter();
      let total = 0;
      for (let at = 0; at < stream.length; at += size) total += count(stream.slice(at, at + size));
      expect(total).toBe(2);
    }
  });
});
