// Answers in a form: what is asked at the OpenAI door or over gRPC reaches the model, and the cache keeps the forms apart.
import { BadRequestSchema } from "@chimera/contracts/google-rpc";
import { ask, cacheStatus, startTestMesh, type TestMesh, ticket } from "@chimera/testkit";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh();
});
afterAll(() => test[Symbol.asyncDispose]());

const labels = {
  type: "object",
  properties: { intent: { enum: ["refund", "billing", "login"] }, priority: { enum: ["low", "normal", "high"] } },
  required: ["intent", "priority"],
};
const formatOf = (schema: unknown) => ({ type: "json_schema", json_schema: { name: "labels", schema, strict: true } });

function complete(response_format: unknown): Promise<Response> {
  const messages = [{ role: "user", content: "i was charged twice this month" }];
  return fetch(`${test.mesh.url("router")}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages, max_tokens: 60, temperature: 0, response_format }),
  });
}

async function contentOf(response: Response): Promise<string> {
  const body = (await response.json()) as { choices: [{ message: { content: string }; finish_reason: string }] };
  expect(body.choices[0].finish_reason).toBe("stop");
  return body.choices[0].message.content;
}

describe("over the OpenAI door", () => {
  it("an answer follows the schema asked for, and the same question in another form is another answer", async () => {
    const free = await contentOf(await complete({ type: "text" }));
    expect(free).toMatch(/^intent=/);
    const answer = JSON.parse(await contentOf(await complete(formatOf(labels)))) as Record<string, string>;
    expect(labels.properties.intent.enum).toContain(answer.intent);
    expect(labels.properties.priority.enum).toContain(answer.priority);
    const other = await contentOf(await complete(formatOf({ enum: ["yes", "no"] })));
    expect(other).toMatch(/^"(yes|no)"$/);
    expect(await contentOf(await complete(undefined))).toBe(free);
  });

  it("a schema that can not be followed is refused with its place", async () => {
    const response = await complete(formatOf({ properties: { a: { type: "string", pattern: "x" } } }));
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect(error.param).toBe("sampling.json_schema");
    expect(error.message).toMatch(/#\/properties\/a: "pattern" is not supported/);
  });
});

describe("over gRPC", () => {
  const question = ticket("i can not sign in");

  it("a grammar is followed, and answers are kept by grammar", async () => {
    const yes = { ...question, sampling: { temperature: 0, grammar: 'root ::= " refund normal"' } };
    const no = { ...question, sampling: { temperature: 0, grammar: 'root ::= " billing high"' } };
    const answers = [await ask(test.router, yes), await ask(test.router, yes), await ask(test.router, no)];
    expect(answers.map(({ text }) => text)).toEqual([" refund normal", " refund normal", " billing high"]);
    expect(answers.map(cacheStatus)).toEqual(["miss", "hit", "miss"]);
  });

  it.each([
    ["both forms at once", { grammar: 'root ::= "a"', jsonSchema: "{}" }, "sampling.grammar"],
    ["a grammar over 16 KiB", { grammar: "x".repeat(16 * 1024 + 1) }, "sampling.grammar"],
    ["a blank schema", { jsonSchema: " " }, "sampling.json_schema"],
    ["left recursion", { grammar: 'root ::= root "a" | "b"' }, "sampling.grammar"],
  ])("%s is refused by name", async (_name, sampling, field) => {
    const error = await ask(test.router, { ...question, sampling }).then(
      () => undefined,
      (caught: unknown) => ConnectError.from(caught),
    );
    const fields = error?.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations.map((v) => v.field));
    expect(fields).toEqual([field]);
  });
});
