// The bounded room between the wire and a reader.
import { describe, expect, it } from "vitest";
import { ReadAhead } from "./read-ahead.ts";

describe("reading ahead", () => {
  it("makes a writer wait where it is full, until there is room", async () => {
    const room = new ReadAhead<number>(2);
    await room.push(1);
    let written = false;
    const second = room.push(2).then(() => {
      written = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(false);
    expect(await room.next()).toEqual({ done: false, value: 1 });
    await second;
  });

  it("gives everything in order, then the end", async () => {
    const room = new ReadAhead<number>(8);
    for (const value of [1, 2, 3]) await room.push(value);
    room.end();
    await room.push(4);
    const values: number[] = [];
    for await (const value of room) values.push(value);
    expect(values).toEqual([1, 2, 3]);
  });

  it("gives everything in order, then the error, once", async () => {
    const room = new ReadAhead<number>(8);
    await room.push(1);
    room.end(new Error("cut"));
    expect((await room.next()).value).toBe(1);
    await expect(room.next()).rejects.toThrow("cut");
    expect((await room.next()).done).toBe(true);
  });

  it("serves readers that ask for more than has come", async () => {
    const room = new ReadAhead<number>(8);
    const asked = [room.next(), room.next(), room.next()];
    await room.push(1);
    await room.push(2);
    room.end();
    expect((await Promise.all(asked)).map(({ value }) => value)).toEqual([1, 2, undefined]);
  });

  it("lets a waiting writer go when the reader leaves", async () => {
    const room = new ReadAhead<number>(1);
    const waiting = room.push(1);
    await room.return();
    await waiting;
    await room.push(2);
    expect((await room.next()).done).toBe(true);
  });
});
