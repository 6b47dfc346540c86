// A client that leaves stops the work it asked for, at whatever moment and through whichever door.
import { request as httpRequest } from "node:http";
import type { DescribeResponse } from "@chimera/contracts/inference";
import { ask, longStory, openAnswer, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
beforeAll(async () => {
  // One slot, so that a second request waits in the engine before its first token.
  test = await startTestMesh({ serviceEnv: { inference: { INFERENCE_SLOTS: "1" } } });
  // The first requests compile the code on their way; a whole answer may be made meanwhile, with nobody there to leave it.
  for (let i = 0; i < 20; i++) await ask(test.router, ticket(`warm ${i}`));
});
afterAll(() => test[Symbol.asyncDispose]());

const describeEngine = () => test.inference.describe({});

/** Waits until the engine has nothing to do, and returns what it did since `before`. */
async function workSince(before: DescribeResponse) {
  const after = await until("an idle engine", async () => {
    const now = await describeEngine();
    return now.activeGenerations === 0 && now.queued === 0 && now.busySlots === 0 && now;
  });
  return {
    cancelled: Number(after.cancelled - before.cancelled),
    finished: Number(after.finished - before.finished),
  };
}

describe("a client that leaves", () => {
  it("at token 5 stops the engine before the end of its answer", async () => {
    const before = await describeEngine();
    let deltas = 0;
    for await (const { part } of openAnswer(test.router, longStory(1))) {
      if (part.case === "delta") deltas += 1;
      if (deltas === 5) break;
    }
    expect(await workSince(before)).toMatchObject({ cancelled: 1, finished: 0 });
  });

  it("before the first token, while its request still waits for a slot, is taken out of the queue", async () => {
    const before = await describeEngine();
    const open = (seed: number, options = {}) => {
      const parts = openAnswer(test.router, longStory(seed), options)[Symbol.asyncIterator]();
      return { parts, accepted: parts.next() };
    };
    // The engine takes requests in order: whoever leaves while one of these is not finished never had the slot.
    const ahead = Array.from({ length: 8 }, (_, i) => open(10 + i));
    await Promise.all(ahead.map(({ accepted }) => accepted));
    const leaver = new AbortController();
    const waiting = open(3, { signal: leaver.signal });
    await waiting.accepted;
    leaver.abort();
    await expect(waiting.parts.next()).rejects.toThrow();
    const after = await until("the cancellation in the engine", async () => {
      const now = await describeEngine();
      return now.cancelled > before.cancelled && now;
    });
    expect(after.finished - before.finished).toBeLessThan(8n);
    for (const { parts } of ahead) await parts.return?.();
    const work = await workSince(before);
    expect(work.cancelled + work.finished).toBe(9);
  });

  it("of the OpenAI door stops the engine too, streamed or not", async () => {
    for (const stream of [true, false]) {
      const before = await describeEngine();
      await leaveHttp({ stream });
      expect(await workSince(before)).toMatchObject({ cancelled: 1, finished: 0 });
    }
  });

  it("by passing its deadline stops the engine", async () => {
    const before = await describeEngine();
    const reading = async () => {
      for await (const _ of test.router.generate(longStory(4), { timeoutMs: 60 })) void _;
    };
    await expect(reading()).rejects.toThrow(/deadline_exceeded/);
    expect(await workSince(before)).toMatchObject({ cancelled: 1, finished: 0 });
  });
});

/** Closes the connection as soon as the engine is at work on the answer. */
async function leaveHttp({ stream }: { stream: boolean }): Promise<void> {
  const body = JSON.stringify({
    messages: [{ role: "user", content: "a story" }],
    stream,
    max_tokens: 900,
    temperature: 1.5,
    seed: 5,
    stop: ["\u0000"],
  });
  const call = httpRequest(`${test.mesh.url("router")}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  call.on("error", () => undefined);
  call.end(body);
  await until("a busy engine", async () => (await describeEngine()).activeGenerations === 1);
  call.destroy();
}
