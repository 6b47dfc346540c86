import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type CacheInvalidated, CacheInvalidatedSchema } from "@chimera/contracts/events";
import type { ChimeraEvent } from "@chimera/events";
import { describe, expect, it } from "vitest";
import { Invalidator } from "./invalidate.ts";
import { fitsScope, Invalidations } from "./invalidations.ts";
import { sampleAnswer } from "./test-data.ts";
import { type AnswersUnderTest, answersUnderTest } from "./testing/answers.ts";

function invalidatorOf({ answers, index, clock }: AnswersUnderTest, replica = "cache-1") {
  const sent: { event: ChimeraEvent; id: string }[] = [];
  const bus = { publish: (event: ChimeraEvent, id: string) => void sent.push({ event, id }) };
  return { sent, invalidator: new Invalidator({ answers, index, clock, bus, replica, isStoreShared: false }) };
}

function heardOf({ atMs, ...names }: { atMs: number; tag?: string }): CacheInvalidated {
  return create(CacheInvalidatedSchema, { replica: "cache-2", at: timestampFromMs(atMs), ...names });
}

async function fill(test: AnswersUnderTest) {
  for (const tenant of ["acme", "globex"]) {
    for (const model of ["tiny", "large"]) {
      for (const tag of ["doc:1", "doc:2"]) await test.keep(`about ${tag}`, { tenant, model, tags: [tag, "all"] });
    }
  }
}

const residents = ({ index }: AnswersUnderTest) =>
  [...index.entries()].map(({ tenant, model, tags }) => `${tenant} ${model} ${tags[0]}`);

describe("an invalidation", () => {
  it.each([
    [{ tenant: "acme", model: "", tag: "" }, 4],
    [{ tenant: "", model: "large", tag: "" }, 4],
    [{ tenant: "", model: "", tag: "doc:1" }, 4],
    [{ tenant: "acme", model: "large", tag: "" }, 2],
    [{ tenant: "acme", model: "large", tag: "doc:2" }, 1],
    [{ tenant: "", model: "", tag: "all" }, 8],
    [{ tenant: "acm", model: "", tag: "" }, 0],
    [{ tenant: "", model: "", tag: "doc" }, 0],
  ])("of %j drops the %i answers that fit all of it, and tells the other caches", async (scope, count) => {
    const test = await answersUnderTest();
    await fill(test);
    const { invalidator, sent } = invalidatorOf(test);
    const bytes = test.index.bytes;
    const dropped = await invalidator.invalidate(scope);
    expect(dropped).toEqual({ entries: count, bytes: bytes - test.index.bytes });
    const left = [...test.index.entries()];
    expect(left).toHaveLength(8 - count);
    expect(left.some((entry) => fitsScope(scope, entry))).toBe(false);
    expect(sent.map(({ event }) => event.message)).toMatchObject([{ ...scope, replica: "cache-1" }]);
  });

  it("holds from its first moment, before all entries were looked at", async () => {
    const test = await answersUnderTest();
    for (let at = 0; at < 5000; at += 1) await test.keep(`question ${at}`);
    const { invalidator } = invalidatorOf(test);
    const dropping = invalidator.invalidate({ tenant: "acme", model: "", tag: "" });
    expect(test.index.size).toBeGreaterThan(1000);
    expect(await test.ask("question 4999")).toBe("invalidated");
    await dropping;
    expect(test.index.size).toBe(0);
    expect(await test.ask("question 4998")).toBe("not stored");
  });

  it("keeps what is stored after it, unless its making began before", async () => {
    const test = await answersUnderTest();
    const { invalidator } = invalidatorOf(test);
    await invalidator.invalidate({ tenant: "", model: "", tag: "doc:1" });
    test.clock.ms += 500;
    await test.keep("old", { tags: ["doc:1"], ageMs: 500 });
    await test.keep("new", { tags: ["doc:1"], ageMs: 499 });
    await test.keep("other", { tags: ["doc:2"], ageMs: 60_000 });
    expect([await test.ask("old"), await test.ask("new"), await test.ask("other")]).toEqual([
      "not stored",
      "hit",
      "hit",
    ]);
  });

  it("goes by the answer's own timings where nobody says when its request came", async () => {
    const test = await answersUnderTest();
    const { invalidator } = invalidatorOf(test);
    await invalidator.invalidate({ tenant: "acme", model: "", tag: "" });
    const answer = sampleAnswer();
    // TTFT 4.25 ms, then 8 ms from first to last token.
    test.clock.ms += 12;
    await test.keep("began before", { answer });
    test.clock.ms += 1;
    await test.keep("began after", { answer });
    expect([await test.ask("began before"), await test.ask("began after")]).toEqual(["not stored", "hit"]);
  });

  it("takes what was pruned as well, so that no undo brings it back", async () => {
    const test = await answersUnderTest();
    await fill(test);
    const { pruneId } = await test.pruner.prune({ neverHit: true, tenant: "", model: "", tag: "" }, { dryRun: false });
    const { invalidator } = invalidatorOf(test);
    await invalidator.invalidate({ tenant: "acme", model: "", tag: "" });
    expect(await test.pruner.undo(pruneId)).toEqual({ restored: 4, lost: 4 });
    expect(residents(test).every((text) => text.startsWith("globex"))).toBe(true);
  });
});

describe("an invalidation that another cache was asked for", () => {
  it("drops what was stored before it, by the other's clock and a second, once", async () => {
    const test = await answersUnderTest();
    await fill(test);
    test.clock.ms += 2000;
    await test.keep("later", { tags: ["doc:1"] });
    const { invalidator, sent } = invalidatorOf(test);
    const event = heardOf({ tag: "doc:1", atMs: test.clock.ms - 1500 });
    await invalidator.heard(event, "id-1");
    await invalidator.heard(event, "id-1");
    await expect.poll(() => residents(test).filter((text) => text.endsWith("doc:1"))).toEqual(["acme tiny doc:1"]);
    expect(await test.ask("later")).toBe("hit");
    expect(sent).toEqual([]);
  });

  it("is applied together with a thousand others from the past", async () => {
    const test = await answersUnderTest();
    for (let at = 0; at < 1500; at += 1) await test.keep(`q${at}`, { tags: [`tag-${at}`] });
    const { invalidator } = invalidatorOf(test);
    const atMs = test.clock.ms;
    for (let at = 0; at < 1200; at += 1) await invalidator.heard(heardOf({ tag: `tag-${at}`, atMs }), `id-${at}`);
    await expect.poll(() => test.index.size).toBe(300);
    expect(await test.ask("q1200")).toBe("hit");
  });

  it("with no names at all is not obeyed", async () => {
    const test = await answersUnderTest();
    await fill(test);
    const { invalidator } = invalidatorOf(test);
    await invalidator.heard(heardOf({ atMs: test.clock.ms }), "id-1");
    await invalidator.invalidate({ tenant: "none", model: "", tag: "" });
    expect(test.index.size).toBe(8);
  });
});

describe("Invalidations", () => {
  it("forget the oldest when there are too many, and then rather drop than keep", () => {
    const invalidations = new Invalidations(2);
    const add = (id: string, untilMs: number) => invalidations.add({ id, tenant: id, model: "", tag: "", untilMs });
    const covers = (tenant: string, beganAtMs: number) =>
      invalidations.covers({ tenant, model: "m", tags: [] }, beganAtMs);
    expect([add("a", 10), add("b", 20), add("a", 10)]).toEqual([true, true, false]);
    expect([covers("a", 10), covers("a", 11), covers("c", 5)]).toEqual([true, false, false]);
    add("c", 30);
    expect([covers("a", 10), covers("d", 10), covers("d", 11), covers("c", 30)]).toEqual([true, true, false, true]);
  });
});
