// What an OpenAI client says of the cache in headers reaches the stages of its request.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FakeMesh, startFakeMesh } from "./fake-mesh.ts";

let mesh: FakeMesh;
beforeAll(async () => {
  mesh = await startFakeMesh();
});
afterAll(() => mesh[Symbol.asyncDispose]());

function ask(headers: Record<string, string>): Promise<Response> {
  return fetch(`${mesh.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ prompt: "p", temperature: 0 }),
  });
}

it("only-if-cached is 504 where nothing is stored, and asks no replica", async () => {
  const response = await ask({ "cache-control": "only-if-cached" });
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ error: { type: "not_stored_error", code: "not_stored" } });
});

it("no-store keeps a question apart from the same one that is being answered", async () => {
  const shared = ask({});
  const streams = [await mesh.next()];
  const apart = ask({ "cache-control": "no-store" });
  streams.push(await mesh.next());
  for (const stream of streams) {
    stream.accept();
    stream.delta("a");
    stream.complete();
  }
  const answers = await Promise.all([shared, apart]);
  expect(answers.map(({ headers }) => headers.get("x-chimera-cache"))).toEqual(["miss", "bypass"]);
});

it("a tag that is none is refused by name", async () => {
  const response = await ask({ "x-chimera-cache-tags": "two words" });
  expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "cache_control.tags[0]" } }]);
});
