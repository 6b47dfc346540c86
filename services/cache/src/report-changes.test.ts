import type { ChimeraEvent } from "@chimera/events";
import { describe, expect, it } from "vitest";
import { ChangeReporter } from "./report-changes.ts";
import { HandClock } from "./test-data.ts";

function setUp() {
  const clock = new HandClock();
  const sent: { event: ChimeraEvent; id: string }[] = [];
  const due: { atMs: number; run: () => void; isCancelled: boolean }[] = [];
  let hits = 0;
  const reporter = new ChangeReporter({
    bus: { publish: (event, id) => sent.push({ event, id }) },
    clock,
    replica: "cache-1",
    settingsVersion: () => 3,
    statistics: () => ({
      entries: 2,
      bytes: 300,
      capacityBytes: 1000,
      hits,
      staleHits: 0,
      warmHits: 0,
      misses: 4,
      stores: 5,
      evictions: 6,
      refusals: 7,
      storeErrors: 8,
      undoBytes: 0,
    }),
    after: (delayMs, run) => {
      const timer = { atMs: clock.ms + delayMs, run, isCancelled: false };
      due.push(timer);
      return () => {
        timer.isCancelled = true;
      };
    },
  });
  /** Moves the clock on and runs what has become due on the way. */
  const pass = (ms: number) => {
    const untilMs = clock.ms + ms;
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      if (next.atMs > untilMs) {
        due.unshift(next);
        break;
      }
      clock.ms = Math.max(clock.ms, next.atMs);
      if (!next.isCancelled) next.run();
    }
    clock.ms = untilMs;
  };
  const hit = () => {
    hits += 1;
    reporter.changed();
  };
  return { reporter, sent, pass, hit };
}

describe("ChangeReporter", () => {
  it("says nothing while nothing changes", () => {
    const { sent, pass } = setUp();
    pass(60_000);
    expect(sent).toEqual([]);
  });

  it("sends the first change at once, all figures with it", () => {
    const { sent, pass, hit } = setUp();
    hit();
    pass(0);
    expect(sent[0]?.event.kind).toBe("cacheChanged");
    expect(sent[0]?.event.message).toMatchObject({
      replica: "cache-1",
      at: { seconds: 1_700_000_000n },
      entries: 2n,
      bytes: 300n,
      capacityBytes: 1000n,
      hits: 1n,
      misses: 4n,
      evictions: 6n,
      storeErrors: 8n,
    });
  });

  it("sends at most once a second, each time the newest figures, under ids that differ", () => {
    const { sent, pass, hit } = setUp();
    for (let step = 0; step < 350; step += 1) {
      hit();
      pass(10);
    }
    pass(5000);
    expect(sent.map(({ event }) => event.kind === "cacheChanged" && event.message.hits)).toEqual([
      1n,
      100n,
      200n,
      300n,
      350n,
    ]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(5);
  });

  it("has a last word, and none after it", () => {
    const { reporter, sent, pass, hit } = setUp();
    hit();
    pass(0);
    hit();
    reporter.finish();
    hit();
    pass(60_000);
    expect(sent.map(({ event }) => event.kind === "cacheChanged" && event.message.hits)).toEqual([1n, 2n]);
  });
});
