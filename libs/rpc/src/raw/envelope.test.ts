import { describe, expect, it } from "vitest";
import { envelope, FrameCutter, messagesIn } from "./envelope.ts";

const messages = ["", "a", "bcd", "x".repeat(300)].map((text) => Buffer.from(text));
const stream = Buffer.concat(messages.map(envelope));

function cutAt(...positions: number[]): string[] {
  const cutter = new FrameCutter(1000);
  const pieces = [0, ...positions].map((from, i) => stream.subarray(from, positions[i] ?? stream.length));
  const read = pieces.flatMap((piece) => {
    const frames = cutter.push(piece);
    return frames ? [...messagesIn(frames)].map(String) : [];
  });
  expect(cutter.isMidFrame).toBe(false);
  return read;
}

describe("FrameCutter", () => {
  it("gives the same messages wherever the bytes are split", () => {
    const whole = messages.map(String);
    expect(cutAt()).toEqual(whole);
    for (let first = 1; first < stream.length; first++) {
      expect(cutAt(first)).toEqual(whole);
      for (let second = first + 1; second < stream.length; second += 7) expect(cutAt(first, second)).toEqual(whole);
    }
  });

  it("knows that a stream ended in the middle of a message", () => {
    const cutter = new FrameCutter(1000);
    cutter.push(stream.subarray(0, stream.length - 1));
    expect(cutter.isMidFrame).toBe(true);
  });

  it("refuses what is too large before it has read it, and what is compressed", () => {
    const large = Buffer.from([0, 0, 0, 4, 0]);
    expect(() => new FrameCutter(1000).push(large)).toThrow("a message has 1024 bytes, at most 1000 are read");
    expect(() => new FrameCutter(1000).push(Buffer.from([1, 0, 0, 0, 0]))).toThrow("compressed");
  });
});
