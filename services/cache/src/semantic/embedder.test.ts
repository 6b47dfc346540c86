import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { openEmbedder } from "./embedder.ts";
import { parseSemanticTenants } from "./settings.ts";

async function serverThat(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

function embedderAt(url: string, budgetMs = 20_000) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  return { errors, embedder: openEmbedder({ url, model: "e5", apiKey: "secret", budgetMs, onError }) };
}

it("asks as OpenAI's clients do", async () => {
  const asked: unknown[] = [];
  const url = await serverThat(async (request, response) => {
    asked.push([request.method, request.url, request.headers.authorization, JSON.parse(await text(request))]);
    response.end(JSON.stringify({ object: "list", data: [{ index: 0, embedding: [0.5, -1] }] }));
  });
  const { embedder } = embedderAt(`${url}/`);
  expect(await embedder.embed("where is it")).toEqual([0.5, -1]);
  const body = { model: "e5", input: "where is it", encoding_format: "float" };
  expect(asked).toEqual([["POST", "/v1/embeddings", "Bearer secret", body]]);
});

it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
  ["refuses", (_, response) => void response.writeHead(500).end("no")],
  ["answers with something else", (_, response) => void response.end('{"data":[{"embedding":["x"]}]}')],
  ["breaks off", (request) => void request.socket.destroy()],
])("has no embedding, and says why, where the server %s", async (_what, handle) => {
  const { errors, embedder } = embedderAt(await serverThat(handle));
  expect(await embedder.embed("where is it")).toBeUndefined();
  expect(errors).toHaveLength(1);
});

it("does not wait for a server that is silent", async () => {
  const { errors, embedder } = embedderAt(await serverThat(() => undefined), 20);
  expect(await embedder.embed("where is it")).toBeUndefined();
  expect(errors).toMatchObject([{ name: "TimeoutError" }]);
});

it("reads who turned it on, and names what is wrong", () => {
  expect(parseSemanticTenants('{"acme":{}, "globex":{"errorBound":0.1}}')).toEqual(
    new Map([
      ["acme", { errorBound: 0.02 }],
      ["globex", { errorBound: 0.1 }],
    ]),
  );
  expect(() => parseSemanticTenants('{"acme":{"errorBound":2}}')).toThrow(/^acme\.errorBound: /);
  expect(() => parseSemanticTenants('{"acme":{"bound":0.1}}')).toThrow(/^acme: .*bound/);
});
