import { expect, it } from "vitest";
import type { ClosedResult, PacedResult } from "../load/rounds.ts";
import { doorResults } from "./results.ts";
import type { DoorRound } from "./rounds.ts";

const paced = (ttftMs: number): PacedResult => ({ ttftMs: [ttftMs, ttftMs], failures: 0, lastFailure: undefined });
const closed = (answers: number, cpuMs: number): ClosedResult => ({
  cpuMs,
  seconds: 2,
  tokens: 20 * answers,
  answers,
  failures: 1,
  lastFailure: undefined,
  ttftMs: [40],
  rssMib: 90,
});
const round: DoorRound = {
  alone: { direct: paced(21), ours: paced(23), portkey: paced(51) },
  fifty: { direct: closed(1000, 0), ours: closed(800, 800), portkey: closed(200, 1000) },
  busy: { direct: paced(22), ours: paced(26) },
};
const gateways = [
  { name: "direct", title: "directly" },
  { name: "ours", title: "the router" },
  { name: "portkey", title: "Portkey" },
] as const;

it("the figures of the door", () => {
  const all = doorResults([round, round, round], gateways, "");
  const value = (id: string) => all.find((result) => result.id === id)?.value;
  expect(value("door.added_ttft_ms_p50")).toBe(2);
  expect(value("door.ours.added_ttft_ms_p99_180_per_s")).toBe(4);
  expect(value("door.portkey.added_ttft_ms_p50_c1")).toBe(30);
  expect(value("door.portkey.added_ttft_ms_p50_c50")).toBe(0);
  expect(value("door.added_ttft_ratio_portkey")).toBeCloseTo(2 / 30, 10);
  expect(value("door.ours.streams_per_s")).toBe(400);
  expect(value("door.cpu_ratio_portkey")).toBeCloseTo(1 / 5, 10);
  expect(value("door.portkey.failures")).toBe(3);
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all.some(({ id }) => id.includes("litellm"))).toBe(false);
});
