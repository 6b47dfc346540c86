// A client that leaves stops the work it asked for, at whatever moment and through whichever door.
import { request as httpRequest } from "node:http";
import type { DescribeResponse } from "@chimera/contracts/inference";
import { seededRandom } from "@chimera/kernel";
import { ask, longStory, openAnswer, readAnswer, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
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
    for await (const { part } of openAnswer(test.router, longStory())) {
      if (part.case === "delta") deltas += 1;
      if (deltas === 5) break;
    }
    expect(await workSince(before)).toMatchObject({ cancelled: 1, finished: 0 });
  });

  it("before the first token, while its request still waits for its turn, is taken out of the queue", async () => {
    const leaver = new AbortController();
    await leavesQueue(async (waiting) => {
      const { accepted } = begin({ signal: leaver.signal });
      await waiting();
      leaver.abort();
      await expect(accepted).rejects.toThrow();
    });
  });

  it("by passing its deadline is taken out of the queue too, or told at once that it can not be met", async () => {
    await leavesQueue(async () => {
      const reading = async () => {
        for await (const _ of test.router.generate(longStory(), { timeoutMs: 1500 })) void _;
      };
      await expect(reading()).rejects.toThrow(/deadline_exceeded|it would wait/);
    });
  });

  it("of the OpenAI door is taken out of the queue, streamed or not", async () => {
    for (const stream of [true, false]) {
      await leavesQueue(async (waiting) => {
        const call = askHttp({ stream });
        await waiting();
        call.destroy();
      });
    }
  });

  it("at any moment, and two hundred of them, leaves a router that serves the next", async () => {
    const random = seededRandom(1);
    const before = test.mesh.process("router").pid;
    const leave = async (i: number) => {
      const leaver = new AbortController();
      const timer = setTimeout(() => leaver.abort(), random() * 30);
      const reading = readAnswer(openAnswer(test.router, { ...ticket(`order ${i}`) }, { signal: leaver.signal }));
      await reading.catch(() => undefined);
      clearTimeout(timer);
    };
    for (let i = 0; i < 200; i += 8) await Promise.all(Array.from({ length: 8 }, (_, k) => leave(i + k)));
    expect((await ask(test.router, ticket("i can not sign in"))).text).toContain("intent=login");
    expect(test.mesh.process("router").pid).toBe(before);
    await workSince(await describeEngine());
  });

  it("of the OpenAI door stops the engine in the middle of a stream", async () => {
    const before = await describeEngine();
    const call = askHttp({ stream: true });
    await new Promise<void>((resolve) => {
      call.on("response", (response) =>
        response.on("data", (chunk: Buffer) => {
          if (!chunk.includes('"content":')) return;
          call.destroy();
          resolve();
        }),
      );
    });
    expect(await workSince(before)).toMatchObject({ cancelled: 1, finished: 0 });
  });
});

function begin(options: { signal?: AbortSignal } = {}) {
  const parts = openAnswer(test.router, longStory(), options)[Symbol.asyncIterator]();
  const accepted = parts.next();
  accepted.catch(() => undefined);
  return { parts, accepted };
}

async function inFlight(): Promise<number> {
  for await (const stats of test.router.watchStats({})) return stats.inFlight;
  throw new Error("no statistics");
}

/**
 * With one slot, eight requests are ahead of one more: the engine works on the first, the rest wait. `leave` may wait until that
 * one more is in the router. Whoever leaves before the eight are done never reached the engine.
 */
async function leavesQueue(leave: (waiting: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const before = await describeEngine();
  const ahead = Array.from({ length: 8 }, () => begin());
  await until("eight requests in the router", async () => (await inFlight()) === 8);
  await leave(() => until("one more request in the router", async () => (await inFlight()) === 9));
  await until("a router without the leaver", async () => (await inFlight()) <= 8);
  const after = await describeEngine();
  expect(after.finished - before.finished).toBeLessThan(8n);
  await Promise.all(ahead.map(({ parts }) => parts.return?.()));
  await until("a router at rest", async () => (await inFlight()) === 0);
  const work = await workSince(before);
  expect(work.cancelled + work.finished).toBeLessThanOrEqual(8);
}

let order = 100;

/** Another order each time: an answer that was finished once would come from the cache. */
function askHttp({ stream }: { stream: boolean }) {
  order += 1;
  const call = httpRequest(`${test.mesh.url("router")}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  call.on("error", () => undefined);
  const sampling = { max_tokens: 900, temperature: 0, stop: ["\u0000"] };
  const content = `order ${order} . my parcel has not arrived`;
  call.end(JSON.stringify({ messages: [{ role: "user", content }], stream, ...sampling }));
  return call;
}
