import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LoadListeners } from "./load-listeners.ts";

describe("LoadListeners", () => {
  it("tells of many changes in one turn once, and of the next turn's again", async () => {
    const listeners = new LoadListeners();
    let calls = 0;
    listeners.add(() => calls++);
    for (let i = 0; i < 5; i++) listeners.changed();
    expect(calls).toBe(0);
    await setImmediate();
    expect(calls).toBe(1);
    listeners.changed();
    await setImmediate();
    expect(calls).toBe(2);
  });

  it("ends one subscription and no other, also where both have the same listener", async () => {
    const listeners = new LoadListeners();
    let calls = 0;
    const listener = () => void calls++;
    const stop = listeners.add(listener);
    listeners.add(listener);
    stop();
    listeners.changed();
    await setImmediate();
    expect(calls).toBe(1);
  });
});
