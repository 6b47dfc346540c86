import { describe, expect, it } from "vitest";
import { BoundedQueue } from "./bounded-queue.ts";

describe("BoundedQueue", () => {
  it("refuses what does not fit and gives the rest in order", async () => {
    const queue = new BoundedQueue<number>(2);
    expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([true, true, false]);
    queue.close();
    const seen: number[] = [];
    for await (const value of queue) seen.push(value);
    expect(seen).toEqual([1, 2]);
  });

  it("wakes a waiting reader and ends it on close", async () => {
    const queue = new BoundedQueue<string>(4);
    const seen: string[] = [];
    const reader = (async () => {
      for await (const value of queue) seen.push(value);
    })();
    await Promise.resolve();
    queue.push("a");
    await Promise.resolve();
    queue.push("b");
    queue.close();
    await reader;
    expect(seen).toEqual(["a", "b"]);
    expect(queue.push("late")).toBe(false);
  });

  it("keeps its order through many wraps", async () => {
    const queue = new BoundedQueue<number>(8);
    const seen: number[] = [];
    const reader = (async () => {
      for await (const value of queue) seen.push(value);
    })();
    for (let i = 0; i < 1000; i++) {
      while (!queue.push(i)) await Promise.resolve();
    }
    queue.close();
    await reader;
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
});
