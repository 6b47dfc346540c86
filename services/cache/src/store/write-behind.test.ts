import { Deferred } from "@chimera/kernel";
import { describe, expect, it, vi } from "vitest";
import { type Write, WriteBehind, type WriteBehindOptions } from "./write-behind.ts";

/** A disk whose batches are finished by the test. */
function setUp(change: Partial<WriteBehindOptions<string>> = {}) {
  const batches: { writes: readonly Write<string>[]; done: Deferred<void> }[] = [];
  const lost: string[] = [];
  let arrived = new Deferred<void>();
  const queue = new WriteBehind<string>({
    maxValues: 4,
    maxBytes: 100,
    maxKeys: 8,
    maxBatch: 3,
    write: (writes) => {
      const done = new Deferred<void>();
      batches.push({ writes, done });
      arrived.resolve();
      return done.promise;
    },
    onLost: (keys) => lost.push(...keys),
    ...change,
  });
  const nextBatch = async () => {
    await arrived.promise;
    arrived = new Deferred<void>();
    const batch = batches.at(-1);
    if (batch === undefined) throw new Error("no batch came");
    return batch;
  };
  return { queue, batches, lost, nextBatch };
}

describe("WriteBehind", () => {
  it("shows a write at once, while it waits and while it is on its way", async () => {
    const { queue, nextBatch } = setUp();
    queue.put("a", "one", 1);
    expect(queue.peek("a")?.value).toBe("one");
    const batch = await nextBatch();
    expect(queue.peek("a")?.value).toBe("one");
    batch.done.resolve();
    await queue.flush();
    expect(queue.peek("a")).toBeUndefined();
  });

  it("shows a delete over the value it follows", async () => {
    const { queue, nextBatch } = setUp();
    queue.put("a", "one", 1);
    const first = await nextBatch();
    queue.remove("a");
    expect(queue.peek("a")).toEqual({ key: "a", value: undefined, bytes: 0 });
    first.done.resolve();
    const second = await nextBatch();
    expect(second.writes.map((write) => write.value)).toEqual([undefined]);
    second.done.resolve();
    await queue.flush();
  });

  it("writes only the newest value of a key, in batches of bounded size", async () => {
    const { queue, batches, nextBatch } = setUp();
    for (const key of ["a", "b", "c", "d"]) queue.put(key, `${key}1`, 1);
    queue.put("a", "a2", 1);
    (await nextBatch()).done.resolve();
    (await nextBatch()).done.resolve();
    await queue.flush();
    expect(batches.map(({ writes }) => writes.map((write) => write.value))).toEqual([["b1", "c1", "d1"], ["a2"]]);
  });

  it("refuses beyond its bounds, counts what is in flight, and takes again afterwards", async () => {
    const { queue, nextBatch } = setUp();
    expect(["a", "b", "c", "d", "e"].map((key) => queue.put(key, key, 1))).toEqual([true, true, true, true, false]);
    const first = await nextBatch();
    expect(queue.put("f", "f", 1)).toBe(false);
    first.done.resolve();
    (await nextBatch()).done.resolve();
    await queue.flush();
    expect(queue.put("g", "g", 101)).toBe(false);
    expect(queue.put("h", "h", 100)).toBe(true);
    (await nextBatch()).done.resolve();
    await queue.flush();
  });

  it("bounds deletes too", async () => {
    const { queue, nextBatch } = setUp({ maxBatch: 8 });
    const keys = Array.from({ length: 9 }, (_, number) => `k${number}`);
    expect(keys.map((key) => queue.remove(key)).filter((taken) => taken).length).toBe(8);
    (await nextBatch()).done.resolve();
    await queue.flush();
  });

  it("deletes what the key had where a newer value is refused", async () => {
    const { queue, nextBatch } = setUp({ maxBytes: 10 });
    queue.put("a", "small", 5);
    expect(queue.put("a", "far too large", 50)).toBe(false);
    expect(queue.peek("a")?.value).toBeUndefined();
    (await nextBatch()).done.resolve();
    await queue.flush();
  });

  it("reports the values of a failed batch as lost, but none that a newer write replaces, and goes on", async () => {
    const { queue, lost, nextBatch } = setUp();
    queue.put("a", "a1", 1);
    queue.put("b", "b1", 1);
    queue.remove("c");
    const first = await nextBatch();
    queue.put("b", "b2", 1);
    first.done.reject(new Error("disk full"));
    const second = await nextBatch();
    expect(second.writes.map((write) => write.value)).toEqual(["b2"]);
    second.done.resolve();
    (await nextBatch()).done.resolve();
    await queue.flush();
    expect(lost).toEqual(["a"]);
  });

  it("tries a failed delete again with the next batch that is written, and shows it as deleted until then", async () => {
    const { queue, batches, nextBatch } = setUp();
    queue.remove("a");
    (await nextBatch()).done.reject(new Error("disk full"));
    await vi.waitFor(() => expect(queue.peek("a")).toEqual({ key: "a", value: undefined, bytes: 0 }));
    queue.put("b", "b1", 1);
    (await nextBatch()).done.resolve();
    (await nextBatch()).done.resolve();
    await queue.flush();
    expect(batches.at(-1)?.writes).toEqual([{ key: "a", value: undefined, bytes: 0 }]);
    expect(queue.peek("a")).toBeUndefined();
  });

  it("deletes nothing that was written anew since the delete failed", async () => {
    const { queue, batches, nextBatch } = setUp();
    queue.remove("a");
    const first = await nextBatch();
    first.done.reject(new Error("disk full"));
    await first.done.promise.catch(() => {});
    queue.put("a", "a2", 1);
    expect(queue.peek("a")?.value).toBe("a2");
    (await nextBatch()).done.resolve();
    await queue.flush();
    expect(batches.at(-1)?.writes.map(({ value }) => value)).toEqual(["a2"]);
  });
});
