import { describe, expect, it } from "vitest";
import { encodedAnswer, sampleInput } from "./test-data.ts";
import { answersUnderTest } from "./testing/answers.ts";

describe("how long an answer is kept", () => {
  it("is what its request asked for, and never more than the cache allows", async () => {
    const { keep, ask, clock } = await answersUnderTest({ ttlMs: 60_000 });
    await keep("short", { ttlMs: 5000 });
    await keep("greedy", { ttlMs: 600_000 });
    await keep("usual");
    clock.ms += 4999;
    expect(await ask("short")).toBe("hit");
    clock.ms += 1;
    expect([await ask("short"), await ask("greedy"), await ask("usual")]).toEqual(["expired", "hit", "hit"]);
    clock.ms += 55_000;
    expect([await ask("greedy"), await ask("usual")]).toEqual(["expired", "expired"]);
  });

  it("can be nothing at all", async () => {
    const { keep, ask } = await answersUnderTest();
    await keep("now", { ttlMs: 0 });
    expect(await ask("now")).toBe("expired");
  });

  it("starts anew with each store, with the terms of the last one", async () => {
    const { keep, ask, clock } = await answersUnderTest({ ttlMs: 60_000 });
    await keep("again", { ttlMs: 5000, tags: ["old"] });
    clock.ms += 4000;
    await keep("again", { ttlMs: 9000 });
    clock.ms += 8999;
    expect(await ask("again")).toBe("hit");
  });
});

describe("an answer past its time", () => {
  it("is served within its stale window: one caller is told to make a new one, others are not, until that took too long", async () => {
    const { answers, keep, clock } = await answersUnderTest({ ttlMs: 10_000, staleMs: 60_000 });
    await keep("q");
    const ask = () => answers.lookup(sampleInput({ messages: [], prompt: "q" }));
    clock.ms += 9999;
    expect((await ask()).isStale).toBe(false);
    clock.ms += 2001;
    const late = await Promise.all([ask(), ask(), ask()]);
    expect(late.every(({ body }) => body !== undefined)).toBe(true);
    expect(late.map(({ isStale }) => isStale)).toEqual([true, false, false]);
    expect(late[0]?.reason).toBe("stored 12 s ago, 2 s past its time, a new one is being made");
    clock.ms += 30_000;
    expect([(await ask()).isStale, (await ask()).isStale]).toEqual([true, false]);
    expect(answers.statistics()).toMatchObject({ hits: 6, staleHits: 5, misses: 0 });
    clock.ms += 28_000;
    expect((await ask()).reason).toBe("expired");
  });

  it("is fresh again once the new one is there", async () => {
    const { answers, keep, clock } = await answersUnderTest({ ttlMs: 10_000, staleMs: 60_000 });
    await keep("q");
    clock.ms += 11_000;
    const ask = () => answers.lookup(sampleInput({ messages: [], prompt: "q" }));
    expect((await ask()).isStale).toBe(true);
    await keep("q");
    expect(await ask()).toMatchObject({ isStale: false, reason: "stored 0 s ago" });
  });

  it("has the window of its own request, also none", async () => {
    const { keep, ask, clock } = await answersUnderTest({ ttlMs: 10_000, staleMs: 60_000 });
    await keep("never stale", { staleMs: 0 });
    await keep("long", { staleMs: 600_000 });
    clock.ms += 100_000;
    expect([await ask("never stale"), await ask("long")]).toEqual(["expired", "hit"]);
  });
});

describe("what is known of an answer", () => {
  it("names, origin and cost stay with it; hits of a warm-up are counted apart", async () => {
    const { answers, index, keep, ask } = await answersUnderTest();
    const key = await keep("made ahead", { tags: ["doc:7", "release-3"], origin: "warm-up" });
    await keep("asked for");
    expect(index.get(key)).toMatchObject({ tags: ["doc:7", "release-3"], origin: "warm-up", ttftMs: 4.25, tokens: 3 });
    await ask("made ahead");
    await ask("asked for");
    expect(answers.statistics()).toMatchObject({ hits: 2, warmHits: 1 });
    await answers.store(sampleInput({ messages: [], prompt: "made ahead" }), encodedAnswer());
    expect(index.get(key)).toMatchObject({ tags: [], origin: "request" });
  });
});
