import { describe, expect, it } from "vitest";
import { explainKey, keysWithPrefix } from "./explain.ts";
import { answersUnderTest } from "./testing/answers.ts";

async function setUp(options: Parameters<typeof answersUnderTest>[0] = {}) {
  const test = await answersUnderTest(options);
  const explained = (key: string) => {
    const { state, text } = explainKey(test, key);
    return `${state}: ${text}`;
  };
  return { ...test, explained };
}

const everything = { neverHit: true, tenant: "", model: "", tag: "" };

describe("explainKey", () => {
  it("follows an answer through its life", async () => {
    const { keep, ask, clock, explained } = await setUp({ ttlMs: 10_000, staleMs: 20_000 });
    expect(explained("acme:0")).toMatch(/^unknown: never stored/);
    const key = await keep("q");
    expect(explained(key)).toBe("resident: stored 0 s ago, never served, fresh for 10 s");
    clock.ms += 3000;
    await ask("q");
    clock.ms += 4000;
    expect(explained(key)).toBe("resident: stored 7 s ago, served once, last 4 s ago, fresh for 3 s");
    clock.ms += 5000;
    expect(explained(key)).toMatch(/^stale: .*2 s past its time: served while a new one is made$/);
    clock.ms += 20_000;
    expect(explained(key)).toMatch(/^expired: .*not served any more$/);
    await ask("q");
    clock.ms += 1000;
    expect(explained(key)).toBe("expired: asked for after its time and removed 1 s ago");
    await keep("q");
    expect(explained(key)).toMatch(/^resident/);
  });

  it("says that an answer was evicted, pruned or invalidated", async () => {
    const { answers, keep, index, explained, pruner } = await setUp({ maxEntries: 2 });
    const keys = [await keep("a"), await keep("b"), await keep("c")];
    const gone = keys.filter((key) => index.get(key) === undefined);
    expect(gone.map(explained)).toEqual(["evicted: evicted to make room 0 s ago"]);
    const [pruned = ""] = keys.filter((key) => index.get(key) !== undefined);
    await pruner.prune(everything, { dryRun: false });
    expect(explained(pruned)).toBe("pruned: pruned 0 s ago, and can be put back");
    const key = await keep("d", { tags: ["x"] });
    answers.invalidations.add({ id: "1", tenant: "", model: "", tag: "x", untilMs: Number.MAX_SAFE_INTEGER });
    expect(explained(key)).toBe("invalidated: invalidated, and about to be removed");
  });

  it("finds keys by their first digits, of what is there and of what has left", async () => {
    const { keep, pruner, ...test } = await setUp();
    const keys = [await keep("a"), await keep("b", { tenant: "globex" })];
    const digitsOf = (key: string) => key.slice(key.indexOf(":") + 1);
    await pruner.prune({ ...everything, tenant: "globex" }, { dryRun: false });
    for (const key of keys) expect(await keysWithPrefix(test, digitsOf(key).slice(0, 8), 10)).toEqual([key]);
    expect(await keysWithPrefix(test, "", 10)).toHaveLength(2);
    expect(await keysWithPrefix(test, "", 1)).toHaveLength(1);
  });
});
