import { UnavailableError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { EventStream, MAX_EVENT_CHARACTERS } from "./event-stream.ts";

const TEXT = ': hi\r\n\r\ndata: {"a":"ä😀"}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata: [DONE]\n\n';
const EVENTS = ['{"a":"ä😀"}', "one\ntwo", "[DONE]"];
const bytes = new TextEncoder().encode(TEXT);

function eventsOf(...chunks: Uint8Array[]): string[] {
  const stream = new EventStream();
  return chunks.flatMap((chunk) => stream.push(chunk));
}

describe("EventStream", () => {
  it("gives the same events wherever the bytes are cut, inside a character and between CR and LF too", () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(eventsOf(bytes.subarray(0, cut), bytes.subarray(cut)), `cut at ${cut}`).toEqual(EVENTS);
    }
    expect(eventsOf(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  it("gives an event with the byte that completes it, and none that is not complete", () => {
    const stream = new EventStream();
    const encode = (text: string) => new TextEncoder().encode(text);
    expect(stream.push(encode("data: a\n"))).toEqual([]);
    expect(stream.push(encode("\ndata: b"))).toEqual(["a"]);
  });

  it("understands the error line of earlier llama.cpp servers", () => {
    expect(eventsOf(new TextEncoder().encode('error: {"message":"full","code":500}\n\n'))).toEqual([
      '{"error":{"message":"full","code":500}}',
    ]);
  });

  it("refuses an event above its bound instead of keeping it", () => {
    const half = new TextEncoder().encode("x".repeat(MAX_EVENT_CHARACTERS / 2));
    const stream = new EventStream();
    stream.push(new TextEncoder().encode("data: "));
    stream.push(half);
    expect(() => stream.push(half)).toThrow(UnavailableError);
  });
});
