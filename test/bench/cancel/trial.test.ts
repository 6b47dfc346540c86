import { seededRandom, systemClock } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Arrived, Door } from "./doors.ts";
import { type EngineCounters, type EngineWatch, watchEngine } from "./engine-watch.ts";
import type { EngineNote } from "./inference-process.ts";
import { type Moment, trial } from "./trial.ts";

/** An engine whose process says what the test lets it say. */
function scriptedEngine(counters: EngineCounters[]) {
  const listeners: ((note: unknown) => void)[] = [];
  const watch = watchEngine({
    ask: async () => (counters.shift() ?? { finished: 0, cancelled: 0 }) as never,
    onNote: (listener) => void listeners.push(listener),
  });
  const say = (note: EngineNote) => {
    for (const listener of listeners) listener(note);
  };
  return { watch, say };
}

const question = { content: "hi", maxTokens: 900 };
const signal = new AbortController().signal;
const stopped = [
  { finished: 7, cancelled: 1 },
  { finished: 7, cancelled: 2 },
];
const now = () => systemClock.monotonicMs();

interface Script {
  moment: Moment;
  counters?: EngineCounters[];
  isStreamed?: boolean;
  /** When the answer is opened. */
  onOpen(arrived: Arrived, say: (note: EngineNote) => void): void;
  /** Of the engine after its client has left. */
  idleAfterMs?: number;
}

async function play({ moment, counters = stopped, isStreamed = true, onOpen, idleAfterMs = 3 }: Script) {
  const { watch, say } = scriptedEngine([...counters]);
  let left = 0;
  const door: Door = {
    name: "grpc",
    leaving: "",
    isStreamed,
    open: (_question, arrived) => {
      onOpen(arrived, say);
      return {
        leave: () => {
          if (left++ === 0) say({ kind: "told", atMs: now() + 1 });
          say({ kind: "load", isBusy: false, atMs: now() + idleAfterMs });
        },
        gone: Promise.resolve(),
      };
    },
    close: () => undefined,
  };
  const tools = { engine: watch as EngineWatch, clock: systemClock, random: seededRandom(1), signal };
  return { time: await trial(door, { moment, question }, tools), left };
}

const busy = (say: (note: EngineNote) => void) => say({ kind: "load", isBusy: true, atMs: now() });
const delta = (say: (note: EngineNote) => void, count: number) => say({ kind: "delta", count, atMs: now() });

describe("a trial", () => {
  it("gives the time from the leaving to the idle engine, by the engine's own clock", async () => {
    const { time } = await play({
      moment: "mid",
      onOpen: (arrived, say) => {
        busy(say);
        Object.assign(arrived, { deltas: 5 });
      },
    });
    expect(time?.toldMs).toBeGreaterThanOrEqual(1);
    expect(time?.idleMs).toBeGreaterThanOrEqual(3);
    expect(time?.idleMs).toBeLessThan(1000);
  });

  it("leaves in the middle of an answer that comes as a whole, when the engine has made five pieces", async () => {
    const { time } = await play({
      moment: "mid",
      isStreamed: false,
      onOpen: (_arrived, say) => {
        busy(say);
        for (let count = 1; count <= 5; count++) delta(say, count);
      },
    });
    expect(time?.idleMs).toBeGreaterThanOrEqual(3);
  });

  it("does not count where the engine had finished before it heard of the leaving", async () => {
    const finished = [
      { finished: 7, cancelled: 1 },
      { finished: 8, cancelled: 1 },
    ];
    const onOpen = (arrived: Arrived) => void Object.assign(arrived, { deltas: 5 });
    expect((await play({ moment: "mid", counters: finished, onOpen })).time).toBeUndefined();
  });

  it("does not count where the engine had made text before the client left, though none had arrived", async () => {
    const { time, left } = await play({
      moment: "before_first",
      onOpen: (_arrived, say) => {
        busy(say);
        delta(say, 1);
      },
    });
    expect(time).toBeUndefined();
    expect(left).toBeGreaterThan(0);
  });

  it("does not wait for tokens of an answer that has ended, and leaves all the same", async () => {
    const ended = (arrived: Arrived) => void Object.assign(arrived, { deltas: 3, ended: true });
    expect(await play({ moment: "mid", onOpen: ended })).toMatchObject({ time: undefined, left: 1 });
    expect(await play({ moment: "mid", isStreamed: false, onOpen: ended })).toMatchObject({ time: undefined, left: 1 });
  });
});
