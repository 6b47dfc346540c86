import { CancelledError, OverloadedError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type PrefixHolder, SlotPool } from "./slot-pool.ts";

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
const options = { maxQueued: 2, retryAfterMs: (queued: number) => 10 * queued };

describe("SlotPool", () => {
  it("gives the slot that holds the longest beginning of the prompt", async () => {
    const slots = [new FakeSlot("none"), new FakeSlot("short", [1, 2]), new FakeSlot("long", [1, 2, 3, 9])];
    const pool = new SlotPool(slots, options);
    expect((await pool.acquire([1, 2, 3, 4], never)).name).toBe("long");
    expect((await pool.acquire([1, 2, 3, 4], never)).name).toBe("short");
    expect(pool.busy).toBe(2);
  });

  it("overwrites the slot that was unused for longest where none helps", async () => {
    const slots = ["a", "b", "c"].map((name) => new FakeSlot(name));
    const pool = new SlotPool(slots, options);
    const first = await pool.acquire([1], never);
    pool.release(first);
    expect(first.name).toBe("a");
    expect((await pool.acquire([1], never)).name).toBe("b");
  });

  it("never gives one slot to two owners, and serves waiting ones in order of arrival", async () => {
    const pool = new SlotPool([new FakeSlot("only")], options);
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
    const pool = new SlotPool([new FakeSlot("only")], options);
    const held = [pool.acquire([1], never), pool.acquire([1], never), pool.acquire([1], never)];
    expect(held).toHaveLength(3);
    expect(() => pool.acquire([1], never)).toThrow(OverloadedError);
    expect(() => pool.acquire([1], never)).toThrow(expect.objectContaining({ retryAfterMs: 20 }));
  });

  it("lets a waiting request leave without disturbing the others", async () => {
    const pool = new SlotPool([new FakeSlot("only")], options);
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
    const pool = new SlotPool([new FakeSlot("only")], options);
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
    const pool = new SlotPool([new FakeSlot("only")], options);
    await expect(pool.acquire([1], AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);
    expect(pool.busy).toBe(0);
  });
});
