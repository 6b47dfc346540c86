import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, KEY, openScripted } from "./testing/scripted-engine.ts";
import { type Answer, json, ScriptedServer } from "./testing/scripted-server.ts";

const list = (...ids: string[]) => json(200, { data: ids.map((id) => ({ id })) });

describe("opening the openai engine", () => {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await ScriptedServer.start();
  });
  afterAll(() => server.close());

  it("describes what it serves", async () => {
    const engine = await openScripted(server);
    expect(engine.describe()).toMatchObject({
      engine: "openai",
      model: "tiny",
      modelVersion: expect.stringMatching(/^[0-9a-f]{16}$/),
      contextTokens: 1000,
      slots: 2,
      maxQueued: 2,
    });
    await engine.dispose();
  });

  it("names the address and the setting where nobody is there", async () => {
    const free = await ScriptedServer.start();
    const url = free.url;
    await free.close();
    const error = await errorOf(openScripted(server, { env: { CHIMERA_OPENAI_URL: url } }));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toMatch(`${url}: the connection to the model server failed (ECONNREFUSED).`);
    expect(error.message).toContain("CHIMERA_OPENAI_URL");
  });

  it("waits for a server that is still loading", async () => {
    const models = server.models;
    let asks = 0;
    server.models = (response, request) => (asks++ < 2 ? json(503, {}) : models)(response, request);
    const other = await openScripted(server);
    expect(asks).toBe(3);
    await other.dispose();
    server.models = models;
  });

  it.each<[string, Record<string, string>, Answer, RegExp]>([
    [
      "lists the models where another was named",
      { CHIMERA_OPENAI_MODEL: "big" },
      list("a", "b"),
      /has a, b; "big" is not/,
    ],
    ["asks for a name where there are several", {}, list("a", "b"), /has a, b; CHIMERA_OPENAI_MODEL has to name one/],
    ["points at the key", {}, json(401, {}), /key\. Check .*CHIMERA_OPENAI_API_KEY/],
    ["points at the address", {}, json(404, {}), /has no \/models\. Check CHIMERA_OPENAI_URL .*\/v1/],
    ["points at the address where a web page answers", {}, json(200, "<html>"), /no list of models\. Check/],
  ])("%s", async (_name, env, answer, message) => {
    const models = server.models;
    server.models = answer;
    const error = await errorOf(openScripted(server, { env }));
    expect(error).toBeInstanceOf(FailedPreconditionError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(KEY);
    server.models = models;
  });
});
