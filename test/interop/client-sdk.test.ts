// The client SDK against a real mesh: what it says of answers is what the mesh did, and leaving one stops the engine.
import { type ChimeraClient, ChimeraClientError, createClient } from "@chimera/client";
import { createClient as createWebClient, type WebClient } from "@chimera/client/web";
import { startTestMesh, type TestMesh, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
let client: ChimeraClient;
beforeAll(async () => {
  test = await startTestMesh();
  client = createClient({ baseUrl: test.mesh.url("router"), tenant: "sdk", deadlineMs: 60_000 });
});
afterAll(async () => {
  client.close();
  await test[Symbol.asyncDispose]();
});

const ticket = (content: string) => ({
  messages: [{ role: "user" as const, content }],
  sampling: { temperature: 0 },
});

/** Runs to exactly `maxTokens` tokens, made anew each time. */
const story = (maxTokens = 900) => ({
  prompt: "### ticket\n",
  sampling: { temperature: 0, maxTokens, stop: ["\u0000"] },
  cachePolicy: "bypass" as const,
});

const engine = () => test.inference.describe({});
const idle = () => until("an idle engine", async () => (await engine()).activeGenerations === 0);

/** How many generations the engine gave up while this ran. */
async function cancelledBy(work: () => Promise<void>): Promise<number> {
  await idle();
  const before = (await engine()).cancelled;
  await work();
  await idle();
  return Number((await engine()).cancelled - before);
}

async function failure(promise: Promise<unknown>): Promise<ChimeraClientError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (error instanceof ChimeraClientError) return error;
  throw new Error("the call did not fail as it should", { cause: error });
}

describe("the SDK", () => {
  it("streams an answer, and tells where it came from", async () => {
    await client.connect();
    const first = client.generate(ticket("my parcel has not arrived"));
    const pieces: string[] = [];
    for await (const piece of first.text) pieces.push(piece);
    const made = await first.result();
    const stored = await client.generate(ticket("my parcel has not arrived")).result();
    expect(pieces.length).toBeGreaterThan(3);
    expect(made).toMatchObject({
      text: "intent=shipping priority=normal",
      cache: { status: "miss" },
      finishReason: "stop",
      model: "triage-1.4m",
      usage: { completionTokens: 7 },
      attempts: 1,
    });
    expect(pieces.join("")).toBe(made.text);
    expect(made.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(made.ttftMs).toBeGreaterThan(0);
    expect(made.ttftMs).toBeLessThan(made.totalMs);
    expect(made.timings.firstTokenMs).toBeGreaterThan(0);
    expect(stored).toMatchObject({ text: made.text, cache: { status: "hit" }, servedBy: "cache" });
  });

  it("stops the engine when a loop is left, a stream cancelled, a signal aborted, a deadline missed", async () => {
    const cancelled = await cancelledBy(async () => {
      for await (const _ of client.generate(story()).text) break;

      const stream = client.generate(story());
      for await (const event of stream) if (event.type === "delta") break;

      const controller = new AbortController();
      const aborted = client.generate(story(), { signal: controller.signal });
      const error = failure(aborted.result());
      await until("a first token", () => aborted.ttftMs !== undefined);
      controller.abort();
      expect((await error).partial?.nextSeq).toBeGreaterThan(0);

      const late = client.generate(story(), { deadlineMs: 150 });
      expect((await failure(late.result())).code).toBe("DEADLINE_EXCEEDED");
    });
    // The deadline may have passed before the engine had begun.
    expect(cancelled).toBeGreaterThanOrEqual(3);
  });

  it("stops the engine before the first token as well", async () => {
    const cancelled = await cancelledBy(async () => {
      const stream = client.generate(story());
      await until("a busy engine", async () => (await engine()).activeGenerations > 0);
      stream.cancel();
      expect((await failure(stream.result())).code).toBe("CANCELLED");
    });
    expect(cancelled).toBe(1);
  });

  it("converses: the history counts, a cancelled turn stops the engine and not the conversation", async () => {
    const chat = client.chat({ sampling: { temperature: 0 } });
    const first = await chat.ask("i can not sign in").result();
    expect(first.text).toBe("intent=login priority=normal");
    const { sampling, cachePolicy } = story();
    const cancelled = await cancelledBy(async () => {
      const turn = chat.ask("and my parcel has not arrived", { sampling, cachePolicy });
      for await (const event of turn) if (event.type === "delta" && event.seq === 3) break;
      const next = chat.ask("i was charged twice");
      const result = await next.result();
      expect(result.usage.promptTokens).toBeGreaterThan(first.usage.promptTokens);
    });
    expect(cancelled).toBe(1);
    const early = chat.ask("never mind", { sampling, cachePolicy });
    chat.cancelTurn();
    expect((await failure(early.result())).code).toBe("CANCELLED");
    await chat.end();
    await idle();
  });

  it("names what is wrong with a request", async () => {
    const error = await failure(client.generate({ prompt: "hi", sampling: { temperature: -1 } }).result());
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", attempts: 1, partial: undefined });
    expect(error.fieldViolations.map(({ field }) => field)).toEqual(["sampling.temperature"]);
    expect((await failure(client.generate({ prompt: "hi", model: "gpt-9" }).result())).code).toBe("NOT_FOUND");
  });

  it("watches what the router measures, and asks for its health", async () => {
    expect(await client.health()).toBe("SERVING");
    expect(await client.health({ service: "chimera.router.v1.RouterService" })).toBe("SERVING");
    for await (const stats of client.watchStats({ intervalMs: 200 })) {
      expect(stats.all.requests).toBeGreaterThan(3);
      expect(stats.all.ttftMs.p50).toBeGreaterThan(0);
      expect(stats.byModelAndTenant.map(({ tenant }) => tenant)).toContain("sdk");
      break;
    }
  });
});

describe.each(["connect", "grpc-web"] as const)("the SDK for browsers over %s", (protocol) => {
  let web: WebClient;
  beforeAll(() => {
    web = createWebClient({ baseUrl: test.mesh.url("router"), protocol, tenant: `sdk-${protocol}` });
  });

  it("streams answers and stops the engine when left", async () => {
    expect(await web.health()).toBe("SERVING");
    const answer = await web.generate(ticket("i can not sign in")).result();
    expect(answer).toMatchObject({ text: "intent=login priority=normal", cache: { status: "miss" } });
    const cancelled = await cancelledBy(async () => {
      for await (const _ of web.generate(story()).text) break;
    });
    expect(cancelled).toBe(1);
  });

  it("names what is wrong, and says UNAVAILABLE where nobody is", async () => {
    const error = await failure(web.generate({ prompt: "hi", sampling: { temperature: -1 } }).result());
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(error.fieldViolations.map(({ field }) => field)).toEqual(["sampling.temperature"]);
    const nobody = createWebClient({ baseUrl: "http://127.0.0.1:1", protocol });
    expect(await failure(nobody.generate({ prompt: "hi" }).result())).toMatchObject({
      code: "UNAVAILABLE",
      attempts: 3,
    });
  });

  it("has a deadline", async () => {
    const late = web.generate(story(), { deadlineMs: 300 });
    expect((await failure(late.result())).code).toBe("DEADLINE_EXCEEDED");
    await idle();
  });
});

describe("an answer whose router dies", () => {
  it("is UNAVAILABLE with what had arrived, and is not begun again", async () => {
    const stream = client.generate(story());
    let pieces = 0;
    const read = async () => {
      for await (const _ of stream.text) {
        pieces += 1;
        if (pieces === 5) test.mesh.process("router").kill("SIGKILL");
      }
    };
    const error = await failure(read());
    expect(error).toMatchObject({ code: "UNAVAILABLE", attempts: 1 });
    expect(error.partial?.nextSeq).toBeGreaterThanOrEqual(5);
    expect(error.partial?.text.length).toBeGreaterThan(0);
    expect(error.requestId).toBeTruthy();
  });
});
