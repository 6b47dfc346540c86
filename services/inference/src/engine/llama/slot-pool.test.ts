import { CancelledError, OverloadedError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type PrefixHolder, SlotPool, type SlotPoolOptions } from "./slot-pool.ts";

class FakeSlot implements PrefixHolder {
  readonly name: string;
  readonly held: readonly number[];
  constructor(name: string, held: readonly number[] = []) {
    this.name = name;
    this.held = held;
  }
  commonPrefix(tokens: readonly number[]): number {
    const end = this.held.findIndex((token, index) => token !== tokens[index]);
    return end < 0 ? this.held.length : end;
  }
}

const never = new AbortController().signal;
const retryAfterMs = (queued: number) => 10 * queued;
const poolOf = (slots: readonly FakeSlot[], options: Partial<SlotPoolOptions> = {}) =>
  new SlotPool(slots, { limits: { slots: slots.length, maxQueued: 2 }, retryAfterMs, ...options });

describe("SlotPool", () => {
  it("gives the slot that holds the longest beginning of the prompt", async () => {
    const slots = [new FakeSlot("none"), new FakeSlot("short", [1, 2]), new FakeSlot("long", [1, 2, 3, 9])];
    const pool = poolOf(slots);
    expect((await pool.acquire([1, 2, 3, 4], never)).name).toBe("long");
    expect((await pool.acquire([1, 2, 3, 4], never)).name).toBe("short");
    expect(pool.busy).toBe(2);
  });

  it("overwrites the slot that was unused for longest where none helps", async () => {
    const slots = ["a", "b", "c"].map((name) => new FakeSlot(name));
    const pool = poolOf(slots);
    const first = await pool.acquire([1], never);
    pool.release(first);
    expect(first.name).toBe("a");
    expect((await pool.acquire([1], never)).name).toBe("b");
  });

  it("never gives one slot to two owners, and serves waiting ones in order of arrival", async () => {
    const pool = poolOf([new FakeSlot("only")]);
    const slot = await pool.acquire([1], never);
    const order: string[] = [];
    const second = pool.acquire([1], never).then((taken) => {
      order.push("second");
      return taken;
    });
    const third = pool.acquire([1], never).then((taken) => {
      order.push("third");
      return taken;
    });
    expect(pool.queued).toBe(2);
    pool.release(slot);
    pool.release(await second);
    pool.release(await third);
    expect(order).toEqual(["second", "third"]);
    expect([pool.busy, pool.queued]).toEqual([0, 0]);
  });

  it("refuses at its bound and says when to come back", async () => {
    const pool = poolOf([new FakeSlot("only")]);
    const held = [pool.acquire([1], never), pool.acquire([1], never), pool.acquire([1], never)];
    expect(held).toHaveLength(3);
    expect(() => pool.acquire([1], never)).toThrow(OverloadedError);
    expect(() => pool.acquire([1], never)).toThrow(expect.objectContaining({ retryAfterMs: 20 }));
  });

  it("lets a waiting request leave without disturbing the others", async () => {
    const pool = poolOf([new FakeSlot("only")]);
    const slot = await pool.acquire([1], never);
    const caller = new AbortController();
    const leaving = pool.acquire([1], caller.signal);
    const staying = pool.acquire([1], never);
    caller.abort();
    await expect(leaving).rejects.toBeInstanceOf(CancelledError);
    expect(pool.queued).toBe(1);
    pool.release(slot);
    expect(await staying).toBe(slot);
  });

  it("ignores an abort after the slot was given", async () => {
    const pool = poolOf([new FakeSlot("only")]);
    const slot = await pool.acquire([1], never);
    const caller = new AbortController();
    const next = pool.acquire([1], caller.signal);
    const after = pool.acquire([1], never);
    pool.release(slot);
    caller.abort();
    expect(await next).toBe(slot);
    expect([pool.busy, pool.queued]).toEqual([1, 1]);
    pool.release(slot);
    expect(await after).toBe(slot);
  });

  it("gives nothing to a caller that has left", async () => {
    const pool = poolOf([new FakeSlot("only")]);
    await expect(pool.acquire([1], AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);
    expect(pool.busy).toBe(0);
  });

  it("keeps the second best slot where a state from elsewhere is better", async () => {
    const slots = [new FakeSlot("short", [1, 2]), new FakeSlot("old", [9])];
    const pool = poolOf(slots, { savedPrefix: (tokens) => (tokens[2] === 3 ? 3 : 0) });
    // "short" was used last.
    pool.release(await pool.acquire([1, 2], never));
    expect((await pool.acquire([1, 2, 3, 4], never)).name).toBe("old");
    expect((await pool.acquire([1, 2, 8], never)).name).toBe("short");
  });
});

describe("the limits of a SlotPool", () => {
  const five = () => ["a", "b", "c", "d", "e"].map((name) => new FakeSlot(name));

  it("use the first slots only, and one more as soon as it is allowed", async () => {
    const pool = poolOf(five(), { limits: { slots: 2, maxQueued: 2 } });
    expect((await Promise.all([1, 2].map(() => pool.acquire([1], never)))).map(({ name }) => name)).toEqual(["a", "b"]);
    const waiting = [pool.acquire([1], never), pool.acquire([1], never)];
    expect([pool.busy, pool.queued]).toEqual([2, 2]);
    pool.setLimits({ slots: 3, maxQueued: 2 });
    expect((await waiting[0])?.name).toBe("c");
    expect([pool.busy, pool.queued]).toEqual([3, 1]);
  });

  it("let running ones finish where they fall, and give no slot before fewer run", async () => {
    const pool = poolOf(five(), { limits: { slots: 3, maxQueued: 2 } });
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => pool.acquire([1], never)));
    if (!a || !b || !c) throw new Error("no slots");
    pool.setLimits({ slots: 1, maxQueued: 2 });
    expect(pool.busy).toBe(3);
    const waiting = pool.acquire([1], never);
    pool.release(a);
    pool.release(b);
    expect([pool.busy, pool.queued]).toEqual([1, 1]);
    pool.release(c);
    expect((await waiting).name).toBe("a");
    pool.release(a);
    expect(pool.usable.map(({ name }) => name)).toEqual(["a"]);
  });

  it("refuse at a lowered bound of the queue, while what waits keeps its place", async () => {
    const pool = poolOf(five(), { limits: { slots: 1, maxQueued: 2 } });
    const slot = await pool.acquire([1], never);
    const waiting = pool.acquire([1], never);
    pool.setLimits({ slots: 1, maxQueued: 0 });
    expect(() => pool.acquire([1], never)).toThrow(OverloadedError);
    pool.release(slot);
    expect(await waiting).toBe(slot);
  });

  it("count the tokens that wait and that no slot covers, and tell of every change", async () => {
    let changes = 0;
    const onChange = () => void changes++;
    const pool = poolOf([new FakeSlot("warm", [1, 2, 3])], { onChange, savedPrefix: (t) => (t[0] === 7 ? 1 : 0) });
    const slot = await pool.acquire([5], never);
    const caller = new AbortController();
    const leaving = pool.acquire([1, 2, 3, 4, 5], caller.signal);
    const staying = pool.acquire([7, 8, 9], never);
    expect(pool.queuedUncachedTokens).toBe(2 + 2);
    caller.abort();
    await expect(leaving).rejects.toBeInstanceOf(CancelledError);
    expect(pool.queuedUncachedTokens).toBe(2);
    pool.release(slot);
    await staying;
    expect(pool.queuedUncachedTokens).toBe(0);
    expect(changes).toBe(5);
  });
});
