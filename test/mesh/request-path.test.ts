// What a client sees of the whole path: tokens, cache, tenants, conversations, statistics.
import { CachePolicy } from "@chimera/contracts/common";
import type { ChatRequest, ChatResponse } from "@chimera/contracts/router";
import { ask, cacheStatus, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh();
});
afterAll(() => test[Symbol.asyncDispose]());

describe("Generate", () => {
  it("streams a real answer and says who made it, from what, and where the time went", async () => {
    const answer = await ask(test.router, ticket("my parcel has not arrived"));
    expect(answer.text).toBe("intent=shipping priority=normal");
    expect(answer.pieces.length).toBeGreaterThan(3);
    expect(answer.accepted).toMatchObject({ model: "triage-1.4m", servedBy: expect.stringContaining("inference") });
    expect(answer.accepted.modelVersion).toMatch(/^[0-9a-f]{16}$/);
    expect(answer.accepted.traceId).toMatch(/^[0-9a-f]{32}$/);
    const { usage, timings } = answer.complete;
    expect(usage?.promptTokens).toBeGreaterThan(5);
    expect(usage?.completionTokens).toBeGreaterThanOrEqual(answer.pieces.length);
    expect(timings?.totalMs).toBeGreaterThanOrEqual(timings?.firstTokenMs ?? Number.POSITIVE_INFINITY);
  });

  it("answers the same prompt twice from the cache, token for token, and says why", async () => {
    const request = ticket("the export button does nothing");
    const first = await ask(test.router, request, { tenant: "acme" });
    const second = await ask(test.router, request, { tenant: "acme" });
    expect([cacheStatus(first), cacheStatus(second)]).toEqual(["miss", "hit"]);
    expect(first.accepted.cache?.reason).toBe("not stored");
    expect(second.accepted.cache?.reason).toMatch(/^stored .* ago$/);
    expect(second.pieces).toEqual(first.pieces);
    expect(second.complete.usage).toEqual(first.complete.usage);
    expect(second.complete.finishReason).toBe(first.complete.finishReason);
  });

  it("never gives one tenant's answer to another", async () => {
    const request = ticket("please support csv import");
    await ask(test.router, request, { tenant: "acme" });
    expect(cacheStatus(await ask(test.router, request, { tenant: "globex" }))).toBe("miss");
    expect(cacheStatus(await ask(test.router, request, { tenant: "globex" }))).toBe("hit");
  });

  it("obeys the caller's cache policy, and does not store what can not be repeated", async () => {
    const request = ticket("the chart shows yesterday twice");
    const statusOf = async (cachePolicy: CachePolicy, temperature = 0) =>
      cacheStatus(await ask(test.router, { ...request, sampling: { temperature }, cachePolicy }));
    expect(await statusOf(CachePolicy.UNSPECIFIED)).toBe("miss");
    expect(await statusOf(CachePolicy.BYPASS)).toBe("bypass");
    expect(await statusOf(CachePolicy.REFRESH)).toBe("miss");
    expect(await statusOf(CachePolicy.UNSPECIFIED)).toBe("hit");
    expect(await statusOf(CachePolicy.UNSPECIFIED, 0.9)).toBe("bypass");
    expect(await statusOf(CachePolicy.ALLOW_SAMPLED, 0.9)).toBe("miss");
    expect(await statusOf(CachePolicy.ALLOW_SAMPLED, 0.9)).toBe("hit");
  });

  it("serves many at once, each with its own answer", async () => {
    const prompts = ["i can not sign in", "i want my money back", "the whole site is down", "please close my account"];
    const intents = ["login", "refund", "outage", "cancel"];
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        ask(test.router, ticket(prompts[i % 4] ?? ""), { tenant: `tenant-${Math.floor(i / 4)}` }),
      ),
    );
    expect(answers.map(({ text }) => text.split(" ")[0])).toEqual(answers.map((_, i) => `intent=${intents[i % 4]}`));
  });
});

describe("Chat", () => {
  it("answers turn after turn on one stream, and a cancelled turn does not end it", async () => {
    const turns = ["my parcel has not arrived", "i want my money back"];
    const seen: ChatResponse[] = [];
    const next = Promise.withResolvers<void>();
    async function* say(): AsyncGenerator<Partial<ChatRequest>> {
      yield { action: { case: "turn", value: { content: turns[0] } } } as ChatRequest;
      await next.promise;
      yield { action: { case: "turn", value: { content: turns[1] } } } as ChatRequest;
    }
    for await (const response of test.router.chat(say() as AsyncIterable<ChatRequest>)) {
      seen.push(response);
      if (response.turn === 0 && response.event.case === "part" && response.event.value.part.case === "complete") {
        next.resolve();
      }
    }
    expect(textOf(seen, 0)).toContain("intent=shipping");
    expect(textOf(seen, 1)).toContain("intent=refund");
    // The second turn was asked with the first one's question and answer before it.
    expect(promptTokens(seen, 1)).toBeGreaterThan(promptTokens(seen, 0));
  });

  it("stops a turn on request and says so", async () => {
    const asked = Promise.withResolvers<void>();
    async function* say(): AsyncGenerator<Partial<ChatRequest>> {
      const long = {
        content: "order 9 . my parcel has not arrived",
        sampling: { maxTokens: 900, temperature: 0, stop: ["\u0000"] },
      };
      yield { action: { case: "turn", value: long } } as ChatRequest;
      await asked.promise;
      yield { action: { case: "cancel", value: {} } } as ChatRequest;
    }
    let cancelled = false;
    for await (const { event } of test.router.chat(say() as AsyncIterable<ChatRequest>)) {
      if (event.case === "part" && event.value.part.case === "delta") asked.resolve();
      if (event.case === "cancelled") cancelled = true;
    }
    expect(cancelled).toBe(true);
    await until("the engine to be idle", async () => (await test.inference.describe({})).activeGenerations === 0);
  });
});

describe("WatchStats", () => {
  it("counts what was served, by model and tenant", async () => {
    await ask(test.router, ticket("an option to mute alerts is missing"), { tenant: "initech" });
    for await (const stats of test.router.watchStats({})) {
      expect(stats.all?.requests).toBeGreaterThan(0n);
      const row = stats.byModelAndTenant.find(({ tenant }) => tenant === "initech");
      expect(row).toMatchObject({ model: "triage-1.4m", requests: 1n, errors: 0n });
      expect(row?.ttft?.n).toBe(1n);
      expect(row?.turn?.p50Ms).toBeGreaterThanOrEqual(row?.ttft?.p50Ms ?? Number.POSITIVE_INFINITY);
      expect(stats.rpsPeak1s).toBeGreaterThanOrEqual(stats.rpsPeak10s);
      break;
    }
  });
});

function textOf(seen: readonly ChatResponse[], turn: number): string {
  return seen
    .filter((response) => response.turn === turn)
    .map(({ event }) => (event.case === "part" && event.value.part.case === "delta" ? event.value.part.value.text : ""))
    .join("");
}

function promptTokens(seen: readonly ChatResponse[], turn: number): number {
  for (const response of seen) {
    if (response.turn !== turn || response.event.case !== "part") continue;
    const { part } = response.event.value;
    if (part.case === "complete") return part.value.usage?.promptTokens ?? 0;
  }
  return 0;
}
