import { Role } from "@chimera/contracts/common";
import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { parseChatCompletion, toChatRequest } from "./request.ts";

const messages = [{ role: "user", content: "hi" }];

function violations(body: unknown): string[] {
  try {
    parseChatCompletion(body);
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe("a chat completion", () => {
  it("becomes a request with every parameter in its place, and unset stays unset", () => {
    const asked = parseChatCompletion({
      model: "m",
      messages: [
        { role: "developer", content: "be brief" },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
        },
      ],
      temperature: 0,
      top_p: 0.9,
      seed: 7,
      max_tokens: 5,
      max_completion_tokens: 9,
      stop: "END",
    });
    const request = toChatRequest(asked);
    expect(request.messages).toMatchObject([
      { role: Role.SYSTEM, content: "be brief" },
      { role: Role.USER, content: "ab" },
    ]);
    expect(request.sampling).toMatchObject({ temperature: 0, topP: 0.9, seed: 7, maxTokens: 9, stop: ["END"] });
    expect(toChatRequest(parseChatCompletion({ messages })).sampling?.temperature).toBeUndefined();
  });

  it("may carry what changes nothing", () => {
    const harmless = {
      user: "u1",
      metadata: { a: "b" },
      n: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      logprobs: false,
    };
    expect(violations({ messages, ...harmless, stream: null, temperature: null })).toEqual([]);
  });

  it("may ask for an answer in a form: text changes nothing, an object or a schema becomes a JSON schema", () => {
    const schemaOf = (response_format: unknown) =>
      toChatRequest(parseChatCompletion({ messages, response_format })).sampling?.jsonSchema;
    expect([schemaOf(undefined), schemaOf(null), schemaOf({ type: "text" })]).toEqual(Array(3).fill(undefined));
    expect(JSON.parse(schemaOf({ type: "json_object" }) ?? "")).toEqual({ type: "object" });
    const schema = { type: "object", properties: { a: { enum: ["x"] } }, required: ["a"] };
    const asked = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
    expect(JSON.parse(schemaOf(asked) ?? "")).toEqual(schema);
  });

  it.each([
    [{ messages, response_format: { type: "xml" } }, ["response_format.type"]],
    [{ messages, response_format: { type: "json_schema" } }, ["response_format.json_schema"]],
    [{ messages, response_format: { type: "text", json_schema: {} } }, ["response_format.json_schema"]],
    [{ messages, temprature: 1 }, ["temprature"]],
    [{ messages, n: 2 }, ["n"]],
    [{ messages, presence_penalty: 1 }, ["presence_penalty"]],
    [{ messages, tools: [] }, ["tools"]],
    [{ messages: [{ role: "user" }] }, ["messages[0].content"]],
    [{ messages, temperature: -1, top_p: 2 }, ["temperature", "top_p"]],
    [{}, ["messages"]],
    ["text", ["body"]],
  ])("%j is refused by %j", (body, fields) => {
    expect(violations(body)).toEqual(fields);
  });
});
