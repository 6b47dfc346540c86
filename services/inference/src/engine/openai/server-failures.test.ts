import {
  type ChimeraError,
  FailedPreconditionError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "@chimera/kernel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../engine.ts";
import { answerOf } from "../engine-suite.ts";
import { asked, failureOf, GOOD, KEY, openScripted, until, untilTokens } from "./testing/scripted-engine.ts";
import {
  type Answer,
  begin,
  DONE,
  delta,
  event,
  finish,
  json,
  ROLE,
  ScriptedServer,
  stream,
  write,
} from "./testing/scripted-server.ts";

describe("a server that fails", () => {
  let server: ScriptedServer;
  let engine: Engine;
  beforeAll(async () => {
    server = await ScriptedServer.start();
    engine = await openScripted(server);
  });
  afterAll(async () => {
    await engine.dispose();
    await server.close();
  });

  const TEXT_THEN: [string, string | undefined][] = [
    ["ends without a finish reason", ""],
    ["says it is done without a finish reason", DONE],
    ["sends what is no chunk", "data: <html>\n\n"],
    ["sends an event without end", `data: ${"x".repeat(1100 * 1024)}`],
    ["reports a failure in its stream", event({ error: { message: "CUDA error in /opt/x.py", type: "internal" } })],
    ["ends the answer as aborted", finish("abort")],
    ["breaks the connection", undefined],
  ];
  it.each(TEXT_THEN)("after its first token is unavailable, and is not asked again: %s", async (_name, rest) => {
    server.script(async (response) => {
      begin(response);
      const { generatedTokens } = engine.describe();
      await write(response, delta("a"));
      await untilTokens(engine, generatedTokens + 1);
      if (rest === undefined) response.destroy();
      else response.end(rest);
    });
    const before = engine.describe();
    const error = await failureOf(engine, asked());
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).not.toContain("/opt");
    expect(server.seen).toHaveLength(1);
    const { busySlots, activeGenerations, finished } = engine.describe();
    expect([busySlots, activeGenerations, finished]).toEqual([0, 0, before.finished]);
  });

  const BEFORE: [string, Answer][] = [
    ["429 with Retry-After", json(429, { error: { message: "slow down" } }, { "retry-after": "0" })],
    ["503", json(503, { error: { message: "Loading model", type: "unavailable_error" } })],
    ["500", json(500, { error: "broken" })],
    ["a connection that breaks", (response) => void response.destroy()],
    ["a stream that ends at once", stream(ROLE)],
    ["a failure before any text", stream(ROLE, event({ error: { message: "x", code: 503 } }))],
  ];
  it.each(BEFORE)("before its first token is asked again: %s", async (_name, failure) => {
    server.script(failure, GOOD);
    const { parts, text } = await answerOf(engine, asked());
    expect(text).toBe("ab");
    expect(parts.filter(({ kind }) => kind === "admitted")).toHaveLength(1);
    expect(server.seen).toHaveLength(2);
  });

  it("is given up after as many attempts as are allowed", async () => {
    server.script(json(500, { error: { message: "at /srv/model.py line 3" } }));
    const error = await failureOf(engine, asked());
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).not.toContain("/srv");
    expect(server.seen).toHaveLength(3);
  });

  it("that is busy for long is given up at once, with its own word when to come back", async () => {
    server.script(json(429, { error: { message: "rate limit" } }, { "retry-after": "60" }));
    const error = await failureOf(engine, asked());
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error.retryAfterMs).toBe(60_000);
    expect(server.seen).toHaveLength(1);
  });

  it("by silence is given up, before the first byte and inside an answer, and is not asked again", async () => {
    const impatient = await openScripted(server, {
      env: { CHIMERA_OPENAI_FIRST_BYTE_MS: "50", CHIMERA_OPENAI_IDLE_MS: "50" },
    });
    server.script(() => {});
    expect((await failureOf(impatient, asked())).message).toContain("sent nothing for 50 ms");
    expect(server.seen).toHaveLength(1);
    server.script(async (response) => {
      begin(response);
      await write(response, delta("a"));
    });
    expect((await failureOf(impatient, asked())).message).toContain("sent nothing for 50 ms");
    await until(() => server.aborted === 1);
    await impatient.dispose();
  });

  const REFUSALS: [string, Answer, new (...args: never) => ChimeraError, string[]][] = [
    [
      "a value it does not take",
      json(400, { error: { message: "too high", param: "temperature" } }),
      InvalidRequestError,
      ["sampling.temperature"],
    ],
    [
      "a detail in the form of FastAPI",
      json(422, { detail: [{ loc: ["body", "max_tokens"], msg: "too many" }] }),
      InvalidRequestError,
      ["sampling.max_tokens"],
    ],
    [
      "a prompt that does not fit",
      json(400, { message: "This model's maximum context length is 1000 tokens", object: "error", code: 400 }),
      InvalidRequestError,
      ["messages"],
    ],
    ["an unknown model", json(404, { error: { message: "The model `x` does not exist." } }), NotFoundError, ["model"]],
    ["a path it does not have", json(404, { detail: "Not Found" }), FailedPreconditionError, []],
    ["its key", json(401, { error: { message: `Incorrect key ${KEY}` } }), FailedPreconditionError, []],
    ["a request for a stream", json(200, { choices: [] }), FailedPreconditionError, []],
    ["to be moved", json(302, {}, { location: "http://127.0.0.1:1/" }), FailedPreconditionError, []],
  ];
  it.each(REFUSALS)(
    "by refusing %s is not asked again, and says what and which field",
    async (_n, answer, kind, on) => {
      server.script(answer);
      const error = await failureOf(engine, asked());
      expect(error).toBeInstanceOf(kind);
      expect(error.violations.map(({ field }) => field)).toEqual(on);
      expect(server.seen).toHaveLength(1);
    },
  );

  it("never makes the key visible", async () => {
    const echo = `your key ${KEY} is odd`;
    for (const answer of [
      json(400, { error: { message: echo } }),
      json(429, { error: { message: echo } }, { "retry-after": "60" }),
      stream(event({ error: { message: echo, code: 400 } })),
    ]) {
      server.script(answer);
      expect((await failureOf(engine, asked())).message).not.toContain(KEY);
    }
  });
});
