import { expect, it } from "vitest";
import { dueAfter, PhaseWheel } from "./arrivals.ts";

const EVERY_MS = 40;

function countPerMs(wheel: PhaseWheel<number>, fromMs: number, ms: number): number[] {
  return Array.from({ length: ms }, (_, i) => [...wheel.turnTo(fromMs + i + 1)].length);
}

function wheelOf(streams: number, spread: boolean): PhaseWheel<number> {
  const wheel = new PhaseWheel<number>(EVERY_MS, { spread, nowMs: 1000.7 });
  for (let i = 0; i < streams; i++) wheel.add(i);
  return wheel;
}

it("steps: all streams together, once per cycle", () => {
  const counts = countPerMs(wheelOf(200, false), 1000, 80);
  expect(counts.filter((count) => count > 0)).toEqual([200, 200]);
});

it("jitter: 200 streams of one token per 40 ms are five tokens each millisecond", () => {
  expect(new Set(countPerMs(wheelOf(200, true), 1000, 80))).toEqual(new Set([5]));
});

it("gives what a late turn missed, and no more to who has left", () => {
  const wheel = new PhaseWheel<string>(EVERY_MS, { spread: true, nowMs: 0 });
  wheel.add("stays");
  const leave = wheel.add("leaves");
  expect([...wheel.turnTo(80)].sort()).toEqual(["leaves", "leaves", "stays", "stays"]);
  leave();
  expect([...wheel.turnTo(120)]).toEqual(["stays"]);
  expect([...wheel.turnTo(120)]).toEqual([]);
});

it("a paced stream is due from its first token on, and ends", () => {
  const pace = { firstMs: 20, everyMs: 2, count: 20 };
  const due = [0, 19.9, 20, 21.9, 22, 58, 1000].map((ms) => dueAfter(pace, ms));
  expect(due).toEqual([0, 0, 1, 1, 2, 20, 20]);
  expect(dueAfter({ ...pace, everyMs: 0 }, 20)).toBe(20);
});
