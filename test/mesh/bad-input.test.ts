// Wrong requests get the right code and the name of the field, and the router lives on.
import { BadRequestSchema } from "@chimera/contracts/google-rpc";
import { ask, startTestMesh, type TestMesh, ticket } from "@chimera/testkit";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh();
});
afterEach(async () => {
  expect((await ask(test.router, ticket("i can not sign in"))).text).toContain("intent=login");
});
afterAll(() => test[Symbol.asyncDispose]());

const GENERATE = "/chimera.router.v1.RouterService/Generate";
const TWO_MEGABYTES = "x".repeat(2 * 1024 * 1024);

describe("over gRPC", () => {
  const cases: [string, Parameters<typeof ask>[1], Code, string][] = [
    ["an unknown model", { ...ticket("hi"), model: "gpt-9" }, Code.NotFound, "model"],
    ["an empty prompt", { prompt: "" }, Code.InvalidArgument, "prompt"],
    ["prompt and messages at once", { ...ticket("hi"), prompt: "hi" }, Code.InvalidArgument, "prompt"],
    ["a prompt of 2 MB", { prompt: TWO_MEGABYTES }, Code.InvalidArgument, "prompt"],
    ["a prompt longer than the context", { prompt: "parcel ".repeat(3000) }, Code.InvalidArgument, "prompt"],
    ["an empty message", ticket(" "), Code.InvalidArgument, "messages[0].content"],
    ["a message without a role", { messages: [{ content: "hi" }] }, Code.InvalidArgument, "messages[0].role"],
    ["temperature -1", { prompt: "hi", sampling: { temperature: -1 } }, Code.InvalidArgument, "sampling.temperature"],
    [
      "temperature NaN",
      { prompt: "hi", sampling: { temperature: Number.NaN } },
      Code.InvalidArgument,
      "sampling.temperature",
    ],
    ["top_p 0", { prompt: "hi", sampling: { topP: 0 } }, Code.InvalidArgument, "sampling.top_p"],
    [
      "nine stop texts",
      { prompt: "hi", sampling: { stop: Array(9).fill("x") } },
      Code.InvalidArgument,
      "sampling.stop",
    ],
    ["a request id with spaces", { prompt: "hi", requestId: "a b" }, Code.InvalidArgument, "request_id"],
  ];
  it.each(cases)("%s is refused by name", async (_name, request, code, field) => {
    const error = await ask(test.router, request).then(
      () => undefined,
      (caught: unknown) => ConnectError.from(caught),
    );
    expect(error?.code).toBe(code);
    const fields = error?.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations.map((v) => v.field));
    expect(fields).toContain(field);
    expect(error?.message).toContain(field.split(".").at(-1)?.replace(/\[.*/, "") ?? field);
  });

  it("a tenant that is none is refused by the name of its header", async () => {
    const asking = ask(test.router, ticket("hi"), { tenant: "../etc" });
    await expect(asking).rejects.toThrow(/x-chimera-tenant/);
  });
});

describe("over HTTP", () => {
  const post = async (path: string, type: string, body: string | Uint8Array<ArrayBuffer>) => {
    const response = await fetch(test.mesh.url("router") + path, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  const chat = (body: object) => post("/v1/chat/completions", "application/json", JSON.stringify(body));
  const hi = { messages: [{ role: "user", content: "hi" }] };

  const cases: [string, object, number, string][] = [
    ["an unknown model", { ...hi, model: "gpt-9" }, 404, "model"],
    ["no messages", { messages: [] }, 400, "messages"],
    ["an empty message", { messages: [{ role: "user", content: "" }] }, 400, "messages[0].content"],
    ["a role nobody knows", { messages: [{ role: "tool", content: "x" }] }, 400, "messages[0].role"],
    ["a prompt of 2 MB", { messages: [{ role: "user", content: TWO_MEGABYTES }] }, 400, "messages"],
    [
      "a prompt longer than the context",
      { messages: [{ role: "user", content: "parcel ".repeat(3000) }] },
      400,
      "messages",
    ],
    ["temperature -1", { ...hi, temperature: -1 }, 400, "temperature"],
    ["an unknown field", { ...hi, temprature: 1 }, 400, "temprature"],
    ["a field that is not served", { ...hi, n: 3 }, 400, "n"],
  ];
  it.each(cases)("%s is refused by name", async (_name, body, status, param) => {
    const answer = await chat(body);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.text) as { error: { message: string; param: string } };
    expect(error.param).toBe(param);
    expect(error.message.length).toBeGreaterThan(10);
  });

  it("a body that is no JSON, of another type, at another path, or by another method", async () => {
    expect((await post("/v1/chat/completions", "application/json", "{")).status).toBe(400);
    expect((await post("/v1/chat/completions", "text/plain", "hi")).status).toBe(415);
    expect((await post("/v1/nothing", "application/json", "{}")).status).toBe(404);
    expect((await post("/v1/models", "application/json", "{}")).status).toBe(405);
  });

  it("malformed protobuf and wrong content types on the RPC paths", async () => {
    const envelope = new Uint8Array([0, 0, 0, 0, 3, 0xff, 0xff, 0xff]);
    const malformed = await post(GENERATE, "application/connect+proto", envelope);
    expect(malformed.text).toContain("invalid_argument");
    expect((await post(GENERATE, "text/html", "hello")).status).toBe(415);
    const unknownField = '{"promt":"hi"}';
    const head = String.fromCharCode(0, 0, 0, 0, unknownField.length);
    const unknown = await post(GENERATE, "application/connect+json", head + unknownField);
    expect(unknown.text).toContain("promt");
    expect(unknown.text).toContain("invalid_argument");
  });
});
