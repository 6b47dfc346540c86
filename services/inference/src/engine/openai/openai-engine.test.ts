import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { CancelledError, DeadlineExceededError, Deferred, InvalidRequestError } from "@chimera/kernel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../engine.ts";
import { answerOf } from "../engine-suite.ts";
import { BUFFER_TOKENS } from "../part-buffer.ts";
import {
  asked,
  failureOf,
  GOOD,
  KEY,
  never,
  openScripted,
  until,
  untilTokens,
  user,
} from "./testing/scripted-engine.ts";
import {
  begin,
  DONE,
  delta,
  event,
  finish,
  json,
  ROLE,
  ScriptedServer,
  stream,
  usage,
  write,
} from "./testing/scripted-server.ts";

const METRICS = { CHIMERA_OPENAI_METRICS_URL: "auto" };

describe("openai engine", () => {
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

  describe("an answer", () => {
    it("comes with the server's counts, and the role is no token", async () => {
      server.script(GOOD);
      const { parts, text, complete } = await answerOf(engine, asked());
      expect(parts[0]).toMatchObject({ kind: "admitted" });
      expect(text).toBe("ab");
      expect(complete).toMatchObject({
        finishReason: "stop",
        usage: { promptTokens: 12, cachedTokens: 8, completionTokens: 3 },
      });
    });

    it("has its first token when the first text arrives, not when the role does", async () => {
      let now = 0;
      const clock = { nowMs: () => now, monotonicMs: () => now };
      const timed = await openScripted(server, { options: { clock } });
      server.script(async (response) => {
        now = 10;
        begin(response);
        await write(response, ROLE);
        // Time for the role to be read, and to be taken for a token by mistake.
        await new Promise((resolve) => setTimeout(resolve, 50));
        now = 250;
        await write(response, delta("a"));
        await untilTokens(timed, 1);
        now = 300;
        response.end(finish("length") + usage(3, 1) + DONE);
      });
      const { timings } = (await answerOf(timed, asked())).complete;
      expect(timings).toEqual({ queueMs: 0, prefillMs: 250, firstTokenMs: 250, totalMs: 300 });
      await timed.dispose();
    });

    it("goes out token by token: the first is read before the server sends the second", async () => {
      const read: string[] = [];
      server.script(async (response) => {
        begin(response);
        for (const text of ["one", " two", " three"]) {
          await write(response, delta(text));
          await until(() => read.at(-1) === text);
        }
        response.end(finish("stop") + usage(3, 3) + DONE);
      });
      for await (const part of engine.generate(asked(), never)) if (part.kind === "delta") read.push(part.text);
      expect(read).toEqual(["one", " two", " three"]);
    });

    it("counts chunks where the server sends no usage, and takes growing usage where it sends that", async () => {
      server.script(stream(ROLE, delta("a"), delta("b"), finish("length"), DONE));
      const counted = (await answerOf(engine, asked())).complete;
      expect(counted.usage).toMatchObject({ completionTokens: 2, cachedTokens: 0 });
      expect(counted.usage.promptTokens).toBeGreaterThan(0);
      const growing = (content: string, completionTokens: number) =>
        event({ choices: [{ delta: { content } }], usage: { prompt_tokens: 5, completion_tokens: completionTokens } });
      server.script(stream(growing("a", 2), growing("b", 5), finish("stop"), usage(5, 6), DONE));
      const { deltas, complete } = await answerOf(engine, asked());
      expect(deltas.reduce((sum, { tokenCount }) => sum + tokenCount, 0)).toBe(5);
      expect(complete.usage.completionTokens).toBe(6);
    });

    it("follows a JSON schema through the server; what the server can not follow is refused by name", async () => {
      const schema = { type: "object", properties: { a: { type: "integer" } } };
      const grammar = { kind: "json-schema", text: JSON.stringify(schema) } as const;
      server.script(GOOD);
      await answerOf(engine, asked({ grammar }));
      expect(server.seen[0]?.body).toMatchObject({
        response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
      });
      const refusals = [
        [asked({ grammar: { kind: "gbnf", text: 'root ::= "a"' } }), "sampling.grammar"],
        [asked({ grammar: { kind: "json-schema", text: "{" } }), "sampling.json_schema"],
        [{ input: { kind: "prompt", prompt: "x" }, sampling: { grammar } }, "sampling.json_schema"],
      ] as const;
      for (const [request, field] of refusals) {
        const failure = await answerOf(engine, request).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(InvalidRequestError);
        expect(failure).toMatchObject({ violations: [{ field }] });
      }
    });

    it("is whole with its end alone: what breaks after it takes nothing away", async () => {
      server.script(async (response) => {
        begin(response);
        const { generatedTokens } = engine.describe();
        await write(response, delta("a") + finish("stop"));
        await untilTokens(engine, generatedTokens + 1);
        response.destroy();
      });
      expect((await answerOf(engine, asked())).text).toBe("a");
    });

    it("is the same where the server's bytes come one by one", async () => {
      const text = ROLE + delta("ä") + delta("😀") + finish("stop") + usage(2, 2) + DONE;
      server.script(stream(...[...new TextEncoder().encode(text)].map((byte) => Uint8Array.of(byte))));
      expect((await answerOf(engine, asked())).text).toBe("ä😀");
    });

    it("reads what other servers write: text completions, comments, CRLF and one empty error per chunk", async () => {
      const chunk = JSON.stringify({ choices: [{ text: "ä😀", index: 0, finish_reason: null }], error: null });
      const last = JSON.stringify({ choices: [{ text: "", index: 0, finish_reason: "eos_token" }] });
      server.script(stream(`: ping\r\n\r\ndata:${chunk}\r\n\r\ndata: ${last}\r\n\r\n`, usage(1, 2), DONE));
      const { text, complete } = await answerOf(engine, { input: { kind: "prompt", prompt: "x" }, sampling: {} });
      expect([text, complete.finishReason]).toEqual(["ä😀", "stop"]);
      expect(server.seen[0]?.path).toBe("/v1/completions");
    });
  });

  describe("a request", () => {
    it("carries what was asked, the defaults of this API, and nothing that only some servers know", async () => {
      server.script(GOOD);
      await answerOf(engine, asked({ seed: 7, maxTokens: 9, stop: ["END"] }));
      expect(server.seen[0]?.body).toEqual({
        model: "tiny",
        messages: [{ role: "user", content: "hello there" }],
        stream: true,
        stream_options: { include_usage: true },
        temperature: 1,
        top_p: 1,
        seed: 7,
        max_tokens: 9,
        stop: ["END"],
      });
      expect(server.seen[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, accept: "text/event-stream" });
    });

    it("names the rest as the server does", async () => {
      const sampling = { topK: 0, minP: 0.1, repetitionPenalty: 1.2 };
      const owners: [string, object][] = [
        ["vllm", { top_k: 0, min_p: 0.1, repetition_penalty: 1.2 }],
        ["sglang", { top_k: -1, min_p: 0.1, repetition_penalty: 1.2 }],
        ["llamacpp", { top_k: 0, min_p: 0.1, repeat_penalty: 1.2 }],
      ];
      const models = server.models;
      for (const [owner, expected] of owners) {
        server.models = json(200, { data: [{ id: "tiny", owned_by: owner }] });
        const other = await openScripted(server);
        server.script(GOOD);
        await answerOf(other, asked(sampling));
        expect(server.seen[0]?.body).toMatchObject(expected);
        await other.dispose();
      }
      server.models = models;
    });

    it("uses one connection again after an answer that ended well", async () => {
      const other = await openScripted(server);
      const ports = new Set<number | undefined>();
      server.script(async (response) => {
        ports.add(response.socket?.remotePort);
        begin(response);
        await write(response, delta("a") + finish("stop") + usage(2, 1));
        // Servers end the body a little after the last part.
        setTimeout(() => response.end(DONE), 10);
      });
      for (let i = 0; i < 5; i++) {
        await answerOf(other, asked());
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(ports.size).toBeLessThan(5);
      await other.dispose();
    });
  });

  describe("leaving", () => {
    /** Writes for as long as somebody reads; returns how much was written. */
    const writeOn = async (response: ServerResponse, chunks: number, onWritten = () => {}) => {
      begin(response);
      for (let i = 0; i < chunks && !response.destroyed; i++) {
        const hasRoom = response.write(delta(`w${i} `));
        onWritten();
        if (!hasRoom) await Promise.race([once(response, "drain"), once(response, "close")]);
        else if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const endless = (response: ServerResponse) => writeOn(response, Number.POSITIVE_INFINITY);

    it("closes the server's connection when the signal aborts in the middle", async () => {
      server.script(endless);
      const caller = new AbortController();
      const reading = (async () => {
        for await (const part of engine.generate(asked(), caller.signal)) if (part.kind === "delta") caller.abort();
      })();
      await expect(reading).rejects.toBeInstanceOf(CancelledError);
      await until(() => server.aborted === 1);
      expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
    });

    it("closes it when the reader leaves", async () => {
      server.script(endless);
      for await (const part of engine.generate(asked(), never)) if (part.kind === "delta") break;
      await until(() => server.aborted === 1);
      expect(engine.describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
    });

    it("closes it before the first byte too, with the deadline as the reason", async () => {
      server.script(() => {});
      const late = new AbortController();
      const reading = failureOf(engine, asked(), late.signal);
      await until(() => server.seen.length === 1);
      late.abort(new DeadlineExceededError("too late"));
      expect(await reading).toBeInstanceOf(DeadlineExceededError);
      await until(() => server.aborted === 1);
    });

    it("ends the pause before another attempt", async () => {
      server.script(json(503, { error: { message: "loading" } }, { "retry-after": "4" }));
      const caller = new AbortController();
      const reading = failureOf(engine, asked(), caller.signal);
      await until(() => server.seen.length === 1);
      caller.abort();
      expect(await reading).toBeInstanceOf(CancelledError);
      expect(server.seen).toHaveLength(1);
    });

    it("holds the server back while the reader pauses, for longer than the server may be silent", async () => {
      const IDLE_MS = 1_000;
      const total = 200_000;
      let written = 0;
      const impatient = await openScripted(server, {
        env: { CHIMERA_OPENAI_FIRST_BYTE_MS: String(IDLE_MS), CHIMERA_OPENAI_IDLE_MS: String(IDLE_MS) },
      });
      server.script((response) => writeOn(response, total, () => written++));
      const slow = impatient.generate(asked(), never)[Symbol.asyncIterator]();
      await slow.next();
      for (let before = -1; written > before; ) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, IDLE_MS + 200));
      }
      expect(written).toBeLessThan(total);
      const { value } = await slow.next();
      if (value?.kind !== "delta") throw new Error("expected text");
      expect(value.tokenCount).toBeLessThanOrEqual(BUFFER_TOKENS);
      // And it goes on as if nothing had been.
      const pausedAt = written;
      while (written <= pausedAt) expect((await slow.next()).value).toMatchObject({ kind: "delta" });
      await slow.return?.();
      await impatient.dispose();
    });
  });

  describe("a queue", () => {
    it("admits what waits, and starts it in order of arrival", async () => {
      const one = await openScripted(server, { options: { slots: 1, maxQueued: 2 } });
      const released = new Deferred<void>();
      server.script(async (response, request) => {
        await released.promise;
        await GOOD(response, request);
      });
      const first = answerOf(one, asked({ maxTokens: 1 }));
      await until(() => server.seen.length === 1);
      const waiting = [2, 3].map((maxTokens) => one.generate(asked({ maxTokens }), never)[Symbol.asyncIterator]());
      for (const each of waiting) expect((await each.next()).value).toMatchObject({ kind: "admitted" });
      expect(one.load()).toMatchObject({ busySlots: 1, queuedRequests: 2 });
      expect(one.load().queuedUncachedTokens).toBeGreaterThan(0);
      released.resolve();
      await first;
      for (const each of waiting) while (!(await each.next()).done);
      expect(server.seen.map(({ body }) => body.max_tokens)).toEqual([1, 2, 3]);
      await one.dispose();
    });
  });

  describe("load", () => {
    it("takes in what the server's metrics tell, and forgets it when the server is silent", async () => {
      server.metrics = (response) => {
        response.end(
          'vllm:num_requests_running{engine="0"} 7.0\nvllm:num_requests_waiting{engine="0"} 4.0\n' +
            'vllm:kv_cache_usage_perc 0.25\nvllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1.0\n',
        );
      };
      const metered = await openScripted(server, { env: METRICS, options: { metricsIntervalMs: 10 } });
      let changes = 0;
      metered.onLoadChange(() => void changes++);
      await until(() => metered.load().queuedRequests === 4);
      expect(metered.load()).toMatchObject({ activeGenerations: 7, kvTokens: 400, kvCapacityTokens: 1600 });
      await until(() => changes > 0);
      server.metrics = (response) => void response.destroy();
      await until(() => metered.load().queuedRequests === 0);
      expect(metered.load()).toMatchObject({ activeGenerations: 0, kvTokens: 0, kvCapacityTokens: 0, busySlots: 0 });
      await metered.dispose();
    });

    it("is its own where the server has no metrics, and asks for them no more", async () => {
      server.metrics = json(404, {});
      server.metricsRequests = [];
      const other = await openScripted(server, { env: METRICS, options: { metricsIntervalMs: 1 } });
      await until(() => server.metricsRequests.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(server.metricsRequests).toHaveLength(1);
      expect(other.load()).toMatchObject({ queuedRequests: 0, kvCapacityTokens: 0, prefillTokensPerS: undefined });
      await other.dispose();
    });

    it("sends the key to the model server and to no other", async () => {
      const metrics = await ScriptedServer.start();
      const other = await openScripted(server, {
        env: { CHIMERA_OPENAI_METRICS_URL: `http://127.0.0.1:${metrics.port}/metrics` },
      });
      await until(() => metrics.metricsRequests.length > 0);
      expect(metrics.metricsRequests[0]?.headers.authorization).toBeUndefined();
      await other.dispose();
      await metrics.close();
    });
  });

  describe("asked to go on behind an answer that was begun elsewhere", () => {
    const prompt = { kind: "prompt", prompt: "hello there" } as const;
    const resume = { text: " it was a dark night", tokenIds: [], modelVersion: "" };

    it("sends what was sent as the end of the prompt, and counts it as part of the answer", async () => {
      server.script(stream(delta(" and"), delta(" cold"), finish("stop"), usage(11, 2), DONE));
      const { text, parts, complete } = await answerOf(engine, { input: prompt, sampling: { maxTokens: 20 }, resume });
      const { body, path } = server.seen[0] ?? {};
      expect([path, body?.prompt]).toEqual(["/v1/completions", "hello there it was a dark night"]);
      expect(text).toBe(" and cold");
      // Estimates, which add up.
      const sent = 20 - Number(body?.max_tokens);
      expect(sent).toBeGreaterThan(1);
      expect(complete.usage).toMatchObject({ promptTokens: 11 - sent, completionTokens: 2 + sent });
      expect(parts[0]).toMatchObject({ kind: "admitted" });
    });

    it("asks for one token at least", async () => {
      server.script(GOOD);
      await answerOf(engine, { input: prompt, sampling: { maxTokens: 1 }, resume });
      expect(server.seen[0]?.body.max_tokens).toBe(1);
    });

    it("says that a chat can not go on, and that another model can not", async () => {
      server.script(GOOD);
      expect(await failureOf(engine, { ...asked(), resume })).toMatchObject({
        kind: "failed-precondition",
        message: expect.stringMatching(/can not go on: a model server takes no chat/),
      });
      const other = { ...resume, modelVersion: "v0" };
      expect(await failureOf(engine, { input: prompt, sampling: {}, resume: other })).toMatchObject({
        kind: "failed-precondition",
        message: expect.stringMatching(/model version v0/),
      });
      expect(server.seen).toEqual([]);
    });

    it("takes one that was not begun as a request like any other", async () => {
      server.script(GOOD);
      const answer = await answerOf(engine, { ...asked(), resume: { text: "", tokenIds: [], modelVersion: "" } });
      expect([answer.text, answer.complete.usage.completionTokens]).toEqual(["ab", 3]);
    });
  });

  it("warms a prefix with a request for one token, and reports it", async () => {
    server.script(stream(delta("a"), finish("length"), usage(40, 1, 16), DONE));
    const input = user("a long beginning");
    const warmed = await engine.warmPrefix(input, never);
    expect(warmed).toMatchObject({ tokens: 40, cachedTokens: 16, savedBytes: 0 });
    expect(engine.load().warmPrefixes).toEqual([warmed.id]);
    expect(server.seen[0]?.body).toMatchObject({ max_tokens: 1, temperature: 0 });
    expect((await engine.warmPrefix(input, never)).id).toBe(warmed.id);
    expect((await engine.warmPrefix(user("another"), never)).id).not.toBe(warmed.id);
    expect(engine.load().warmPrefixes).toHaveLength(2);
  });
});
