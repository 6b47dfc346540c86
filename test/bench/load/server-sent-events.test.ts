import { expect, it } from "vitest";
import { TextEvents } from "./server-sent-events.ts";

const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;

it("are counted where they have text, however the network cut them", () => {
  const text = [event({ role: "assistant", content: "" }), event({ content: "in" }), event({ content: "tent\n\n" })];
  const stream = `${text.join("")}data: ${JSON.stringify({ choices: [] })}\n\n${event({})}data: [DONE]\n\n`;
  for (const size of [1, 7, stream.length]) {
    const events = new TextEvents();
    for (let at = 0; at < stream.length; at += size) events.push(stream.slice(at, at + size));
    expect(events).toMatchObject({ count: 2, isDone: true });
  }
});

it("a stream without its last line is not whole", () => {
  const events = new TextEvents();
  events.push(event({ content: "in" }));
  expect(events).toMatchObject({ count: 1, isDone: false });
});
