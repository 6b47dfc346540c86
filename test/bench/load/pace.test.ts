import { systemClock } from "@chimera/kernel";
import { expect, it } from "vitest";
import { waitUntil } from "./pace.ts";

const never = new AbortController().signal;

it("never ends a wait before its time, in steps smaller than a timer's", async () => {
  for (const waitMs of [0.3, 1, 2.7, 5.1]) {
    const dueAtMs = systemClock.monotonicMs() + waitMs;
    await waitUntil(dueAtMs, systemClock, never);
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(dueAtMs);
  }
});

it("ends at once when it is stopped", async () => {
  const stop = new AbortController();
  const waiting = waitUntil(systemClock.monotonicMs() + 3_600_000, systemClock, stop.signal);
  stop.abort();
  await waiting;
  expect(stop.signal.aborted).toBe(true);
});
