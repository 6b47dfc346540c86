import { envelope } from "@chimera/rpc";
import { expect, it } from "vitest";
import { MessageCounter } from "./message-counter.ts";

const stream = Buffer.concat(["", "a", "x".repeat(300), "", "end"].map((text) => envelope(Buffer.from(text))));

it("counts the same wherever the bytes are cut", () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const counter = new MessageCounter();
    counter.push(stream.subarray(0, cut));
    counter.push(stream.subarray(cut));
    expect(counter.messages).toBe(5);
  }
});

it("does not count what has not arrived whole", () => {
  const counter = new MessageCounter();
  counter.push(stream.subarray(0, stream.length - 1));
  expect(counter.messages).toBe(4);
});
