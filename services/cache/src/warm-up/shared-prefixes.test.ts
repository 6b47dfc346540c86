import { create } from "@bufbuild/protobuf";
import { MessageSchema, Role } from "@chimera/contracts/common";
import { expect, it } from "vitest";
import { sampleInput } from "../test-data.ts";
import { sharedPrefixes } from "./shared-prefixes.ts";

const message = (role: Role, content: string) => create(MessageSchema, { role, content });
const SYSTEM = message(Role.SYSTEM, "You are a patient agent. ".repeat(8));
const EXAMPLE = [message(Role.USER, "an example ".repeat(20)), message(Role.ASSISTANT, "its answer ".repeat(10))];

function conversation(question: string, before = [SYSTEM]) {
  return sampleInput({ messages: [...before, message(Role.USER, question)] });
}

it("finds what prompts of a model begin with, the most characters saved first", () => {
  const long = Array.from({ length: 6 }, (_, i) => conversation(`long ${i}`, [SYSTEM, ...EXAMPLE]));
  const short = Array.from({ length: 3 }, (_, i) => conversation(`short ${i}`));
  const found = sharedPrefixes([...short, ...long], 5);
  expect(found.map(({ messages, prompts }) => [messages.length, prompts])).toEqual([
    [3, 6],
    [1, 9],
  ]);
  expect(sharedPrefixes([...short, ...long], 1).length).toBe(1);
});

it("cuts prompts without messages where they part, and knows no prefix that only one has", () => {
  const start = "Answer as shortly as you can. ".repeat(10);
  const prompts = ["a".repeat(200), "b".repeat(200)].map((end) => sampleInput({ messages: [], prompt: start + end }));
  const [first] = sharedPrefixes(prompts, 5);
  expect(first?.prompt).toBe(start.slice(0, 256));
  expect(sharedPrefixes(prompts.slice(0, 1), 5)).toEqual([]);
  expect(sharedPrefixes([conversation("a", [message(Role.SYSTEM, "short")])], 5)).toEqual([]);
});
