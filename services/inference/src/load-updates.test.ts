import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Engine, EngineLoad } from "./engine/engine.ts";
import { LoadListeners } from "./engine/load-listeners.ts";
import { loadUpdates } from "./load-updates.ts";

/** The part of an engine that is asked here. */
class FakeEngine {
  readonly listeners = new LoadListeners();
  busySlots = 0;
  watchers = 0;

  load(): EngineLoad {
    return { busySlots: this.busySlots, queuedRequests: 0 } as EngineLoad;
  }

  onLoadChange(listener: () => void): () => void {
    const stop = this.listeners.add(listener);
    this.watchers += 1;
    return () => {
      this.watchers -= 1;
      stop();
    };
  }

  set(busySlots: number): void {
    this.busySlots = busySlots;
    this.listeners.changed();
  }
}

function follow(repeatMs?: (load: EngineLoad) => number) {
  const engine = new FakeEngine();
  const stop = new AbortController();
  const seen: number[] = [];
  const done = (async () => {
    const options = { signal: stop.signal, ...(repeatMs && { repeatMs }) };
    for await (const { busySlots } of loadUpdates(engine as unknown as Engine, options)) seen.push(busySlots);
  })();
  return { engine, seen, stop, done };
}

describe("load updates", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("tell the load now, then changes as they come", async () => {
    const { engine, seen } = follow();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toEqual([0]);
    engine.set(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual([0, 3]);
  });

  it("come five times a second at most, and the last change is never left out", async () => {
    const { engine, seen } = follow();
    for (let i = 1; i <= 100; i++) {
      engine.set(i);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(seen.length).toBeGreaterThanOrEqual(5);
    expect(seen.length).toBeLessThanOrEqual(6);
    await vi.advanceTimersByTimeAsync(200);
    expect(seen.at(-1)).toBe(100);
  });

  it("repeat an unchanged load as often as is asked for it", async () => {
    const { engine, seen } = follow(({ busySlots }) => (busySlots > 0 ? 200 : 1000));
    await vi.advanceTimersByTimeAsync(3050);
    expect(seen).toEqual([0, 0, 0, 0]);
    engine.set(1);
    await vi.advanceTimersByTimeAsync(950);
    expect(seen.slice(4)).toEqual([1, 1, 1, 1, 1]);
  });

  it("end with the signal wherever they wait, and leave nothing at the engine", async () => {
    for (const waitedMs of [0, 100, 5000]) {
      const { engine, stop, done } = follow();
      await vi.advanceTimersByTimeAsync(waitedMs);
      expect(engine.watchers).toBe(1);
      stop.abort();
      await done;
      expect(engine.watchers).toBe(0);
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});
