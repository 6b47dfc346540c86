import { CancelledError, OverloadedError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { RequestQueue } from "./request-queue.ts";

const never = new AbortController().signal;

function queueOf(slots: number, maxQueued: number) {
  const order: string[] = [];
  const queue = new RequestQueue({
    limits: { slots, maxQueued },
    retryAfterMs: (queued) => 10 * queued,
    onChange: () => {},
  });
  const enter = (name: string, signal = never) => queue.acquire(10, signal).then(() => void order.push(name));
  return { queue, order, enter };
}

describe("RequestQueue", () => {
  it("serves in order of arrival and refuses one too many with a time to come back", async () => {
    const { queue, order, enter } = queueOf(1, 2);
    const entered = ["a", "b", "c"].map((name) => enter(name));
    expect(() => queue.acquire(1, never)).toThrow(OverloadedError);
    expect(() => queue.acquire(1, never)).toThrow(expect.objectContaining({ retryAfterMs: 20 }));
    expect([queue.busy, queue.queued, queue.queuedTokens]).toEqual([1, 2, 20]);
    queue.release();
    queue.release();
    await Promise.all(entered);
    expect(order).toEqual(["a", "b", "c"]);
    queue.release();
    expect([queue.busy, queue.queued]).toEqual([0, 0]);
  });

  it("lets a waiting request leave, and ignores an abort after its turn", async () => {
    const { queue, order, enter } = queueOf(1, 2);
    await enter("a");
    const caller = new AbortController();
    const leaving = enter("b", caller.signal);
    const staying = new AbortController();
    const next = enter("c", staying.signal);
    caller.abort();
    await expect(leaving).rejects.toBeInstanceOf(CancelledError);
    queue.release();
    staying.abort();
    await next;
    expect(order).toEqual(["a", "c"]);
    expect(queue.busy).toBe(1);
    await expect(queue.acquire(1, AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);
  });

  it("starts what waits when there are more slots, and nobody new until there are fewer busy than slots", async () => {
    const { queue, order, enter } = queueOf(1, 9);
    const entered = ["a", "b", "c", "d"].map((name) => enter(name));
    queue.setLimits({ slots: 3, maxQueued: 9 });
    await Promise.all(entered.slice(0, 3));
    expect(order).toEqual(["a", "b", "c"]);
    queue.setLimits({ slots: 1, maxQueued: 0 });
    queue.release();
    queue.release();
    expect([queue.busy, queue.queued]).toEqual([1, 1]);
    queue.release();
    await entered[3];
    expect(order).toEqual(["a", "b", "c", "d"]);
  });
});
