import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Role } from "@chimera/contracts/common";
import { GenerateRequestSchema, WarmPrefixRequestSchema } from "@chimera/contracts/inference";
import { InvalidRequestError, NotFoundError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { validateGenerate, validateWarmPrefix } from "./validate.ts";

const limits = { model: "triage", maxPromptBytes: 20, contextTokens: 8 };
const validate = (init: MessageInitShape<typeof GenerateRequestSchema>) =>
  validateGenerate(create(GenerateRequestSchema, init), limits);
const user = { role: Role.USER, content: "hi" };

function violationsOf(init: MessageInitShape<typeof GenerateRequestSchema>): string[] {
  try {
    validate(init);
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe("validateGenerate", () => {
  it("keeps unset apart from zero", () => {
    const { input, sampling } = validate({ model: "triage", messages: [user], sampling: { temperature: 0, topK: 0 } });
    expect(input).toEqual({ kind: "messages", messages: [{ role: "user", content: "hi" }] });
    expect(sampling).toMatchObject({ temperature: 0, topK: 0 });
    expect([sampling.topP, sampling.seed, sampling.maxTokens, sampling.stop]).toEqual(Array(4).fill(undefined));
  });

  it("takes a prompt as it is, and an empty model name as the served one", () => {
    expect(validate({ prompt: " a\n", sampling: { stop: ["b"] } })).toMatchObject({
      input: { kind: "prompt", prompt: " a\n" },
      sampling: { stop: ["b"] },
    });
  });

  it("tells a JSON schema from a grammar, and takes one of them at most", () => {
    const grammarOf = (sampling: object) => validate({ prompt: "a", sampling }).sampling.grammar;
    expect(grammarOf({ jsonSchema: "{}" })).toEqual({ kind: "json-schema", text: "{}" });
    expect(grammarOf({ grammar: 'root ::= "a"' })).toEqual({ kind: "gbnf", text: 'root ::= "a"' });
    expect(grammarOf({})).toBeUndefined();
    expect(violationsOf({ prompt: "a", sampling: { jsonSchema: "{}", grammar: "x" } })).toEqual(["sampling.grammar"]);
    expect(violationsOf({ prompt: "a", sampling: { jsonSchema: "" } })).toEqual(["sampling.json_schema"]);
  });

  it("names field, asked model and served model", () => {
    const asked = () => validate({ model: "other", messages: [user] });
    expect(asked).toThrow(NotFoundError);
    expect(asked).toThrow(/"other".*"triage"/);
    expect(asked).toThrow(expect.objectContaining({ violations: [expect.objectContaining({ field: "model" })] }));
  });

  it.each<[string, MessageInitShape<typeof GenerateRequestSchema>, string[]]>([
    ["neither messages nor prompt", {}, ["messages"]],
    ["both", { prompt: "a", messages: [user] }, ["prompt"]],
    ["an unset role", { messages: [{ content: "a" }] }, ["messages[0].role"]],
    ["an unknown role", { messages: [user, { role: 9 as Role, content: "a" }] }, ["messages[1].role"]],
    ["a blank user message", { messages: [{ role: Role.USER, content: " \n" }] }, ["messages[0].content"]],
    ["too many bytes in a prompt", { prompt: "é".repeat(11) }, ["prompt"]],
    ["too many bytes in messages", { messages: Array(11).fill(user) }, ["messages"]],
    ["a request id that is too long", { requestId: "x".repeat(129), prompt: "a" }, ["request_id"]],
    ["a value out of range", { prompt: "a", sampling: { temperature: 2.5 } }, ["sampling.temperature"]],
    ["several at once", { sampling: { topP: 0, stop: [""] } }, ["messages", "sampling.top_p", "sampling.stop[0]"]],
  ])("refuses %s", (_name, init, fields) => {
    expect(violationsOf(init)).toEqual(fields);
  });

  it("takes an answer that was begun elsewhere as the engine needs it", () => {
    const resume = { text: "é", tokenIds: [7], nextSeq: 1, modelVersion: "v" };
    expect(validate({ prompt: "a", resume }).resume).toEqual({ text: "é", tokenIds: [7], modelVersion: "v" });
    expect(validate({ prompt: "a" }).resume).toBeUndefined();
    expect(violationsOf({ prompt: "a", resume: {} })).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ["too many bytes", { text: "é".repeat(11), nextSeq: 1 }, ["resume.text"]],
    ["more tokens than the context has", { text: "a", tokenIds: Array(9).fill(1), nextSeq: 1 }, ["resume.token_ids"]],
    ["a delta that no answer has", { text: "a", nextSeq: 10 }, ["resume.next_seq"]],
    ["text that no delta carried", { text: "a" }, ["resume.next_seq"]],
    [
      "several at once",
      { text: "é".repeat(11), tokenIds: Array(9).fill(1), nextSeq: 10 },
      ["resume.text", "resume.token_ids", "resume.next_seq"],
    ],
  ])("refuses to go on behind %s", (_name, resume, fields) => {
    expect(violationsOf({ prompt: "a", resume })).toEqual(fields);
  });

  it("allows exactly the bytes it names", () => {
    expect(violationsOf({ prompt: "é".repeat(10) })).toEqual([]);
  });
});

describe("validateWarmPrefix", () => {
  const warm = (init: MessageInitShape<typeof WarmPrefixRequestSchema>) =>
    validateWarmPrefix(create(WarmPrefixRequestSchema, init), limits);

  it("takes the beginning of a conversation, one without a question too, or a prompt", () => {
    const system = { role: Role.SYSTEM, content: "be kind" };
    expect(warm({ messages: [system] })).toEqual({
      kind: "messages",
      messages: [{ role: "system", content: "be kind" }],
    });
    expect(warm({ model: "triage", prompt: "a" })).toEqual({ kind: "prompt", prompt: "a" });
  });

  it("refuses what Generate refuses", () => {
    expect(() => warm({ model: "other", prompt: "a" })).toThrow(NotFoundError);
    const bad: MessageInitShape<typeof WarmPrefixRequestSchema>[] = [
      {},
      { prompt: "a".repeat(21) },
      { prompt: "a", messages: [user] },
      { messages: [{ role: 9 as Role }] },
    ];
    for (const init of bad) expect(() => warm(init)).toThrow(InvalidRequestError);
  });
});
