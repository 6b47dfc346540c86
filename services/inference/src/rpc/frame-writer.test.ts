import { describe, expect, it } from "vitest";
import { FrameWriter } from "./frame-writer.ts";

/** A reader that takes nothing more once it has `capacity` bytes. */
class SlowCall {
  readonly writes: string[] = [];
  readonly leaving = new AbortController();
  #drained: () => void = () => undefined;
  #room: number;

  constructor(capacity = Number.POSITIVE_INFINITY) {
    this.#room = capacity;
  }

  write(frames: Uint8Array): boolean {
    this.writes.push(Buffer.from(frames).toString());
    this.#room -= frames.length;
    return this.#room > 0;
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  drain(capacity: number): void {
    this.#room = capacity;
    this.#drained();
  }
}

const add = (writer: FrameWriter, ...texts: string[]) => {
  for (const text of texts) writer.add(Buffer.from(text));
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("FrameWriter", () => {
  it("sends in one write what was ready in one turn", async () => {
    const call = new SlowCall();
    const writer = new FrameWriter(call, call.leaving.signal);
    add(writer, "a");
    await Promise.resolve();
    add(writer, "b");
    expect(call.writes).toEqual([]);
    await turn();
    add(writer, "c");
    await turn();
    expect(call.writes).toEqual(["ab", "c"]);
  });

  it("sends the rest at once when it is told to, and nothing twice", async () => {
    const call = new SlowCall();
    const writer = new FrameWriter(call, call.leaving.signal);
    add(writer, "a", "b");
    writer.flush();
    writer.flush();
    await turn();
    expect(call.writes).toEqual(["ab"]);
  });

  it("has no room until the reader has read", async () => {
    const call = new SlowCall(2);
    const writer = new FrameWriter(call, call.leaving.signal);
    add(writer, "ab");
    expect(writer.isFull).toBe(false);
    await turn();
    expect(writer.isFull).toBe(true);
    let hasRoom = false;
    const waiting = writer.room().then(() => {
      hasRoom = true;
    });
    await turn();
    expect(hasRoom).toBe(false);
    call.drain(10);
    await waiting;
    expect(writer.isFull).toBe(false);
    await writer.room();
  });

  it("waits no longer for a reader whose call is over", async () => {
    const call = new SlowCall(1);
    const writer = new FrameWriter(call, call.leaving.signal);
    add(writer, "ab");
    await turn();
    const waiting = writer.room();
    call.leaving.abort();
    await waiting;
  });
});
