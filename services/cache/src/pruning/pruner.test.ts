import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailedPreconditionError, NotFoundError, seededRandom } from "@chimera/kernel";
import { describe, expect, it, onTestFinished } from "vitest";
import { openStore } from "../store/open-store.ts";
import { type AnswersUnderTest, answersUnderTest } from "../testing/answers.ts";
import type { PruneCriteria } from "./criteria.ts";

const ANY: PruneCriteria = { neverHit: false, tenant: "", model: "", tag: "" };
const MINUTE = 60_000;

/** Answers q0, q1, … of which q<i> is asked for `hits(i)` times. */
async function fill(test: AnswersUnderTest, count: number, hits: (at: number) => number = () => 0) {
  for (let at = 0; at < count; at += 1) await test.keep(`q${at}`);
  for (let at = 0; at < count; at += 1) {
    for (let hit = 0; hit < hits(at); hit += 1) await test.ask(`q${at}`);
  }
}

const bytesOfOne = async () => {
  const test = await answersUnderTest();
  await test.keep("q0");
  return test.index.bytes;
};

describe("prune", () => {
  it("takes out what is worth least until the target is met, and keeps what is asked for", async () => {
    const test = await answersUnderTest();
    await fill(test, 100, (at) => (at < 30 ? 5 : 0));
    const targetBytes = Math.floor(test.index.bytes * 0.4);
    const { entries, bytes } = await test.pruner.prune({ ...ANY, targetBytes }, { dryRun: false });
    expect(test.index.bytes).toBeLessThanOrEqual(targetBytes);
    expect(test.index.size).toBe(100 - entries);
    expect(test.answers.statistics().undoBytes).toBe(bytes);
    for (let at = 0; at < 30; at += 1) expect(await test.ask(`q${at}`)).toBe("hit");
  });

  it("says the same before, and changes nothing then", async () => {
    const test = await answersUnderTest();
    await fill(test, 500, (at) => at % 7);
    for (const criteria of [
      { ...ANY, targetBytes: Math.floor(test.index.bytes / 2) },
      { ...ANY, neverHit: true },
    ]) {
      const before = test.index.bytes;
      const dry = await test.pruner.prune(criteria, { dryRun: true });
      expect([test.index.bytes, test.answers.undo.size, dry.pruneId]).toEqual([before, 0, ""]);
      const { pruneId, ...real } = await test.pruner.prune(criteria, { dryRun: false });
      expect({ ...dry, pruneId: undefined }).toEqual({ ...real, pruneId: undefined });
      await test.pruner.undo(pruneId);
    }
  });

  it("without any wish makes a tenth of the capacity free, and does nothing where it is", async () => {
    const capacityBytes = (await bytesOfOne()) * 100;
    const test = await answersUnderTest({ capacityBytes });
    await fill(test, 90);
    expect((await test.pruner.prune(ANY, { dryRun: false })).entries).toBe(0);
    for (let at = 90; at < 100; at += 1) await test.keep(`q${at}`);
    await test.pruner.prune(ANY, { dryRun: false });
    expect(test.index.bytes).toBeLessThanOrEqual(capacityBytes * 0.9);
    expect(test.index.bytes).toBeGreaterThan(capacityBytes * 0.85);
  });

  it.each<[string, Partial<PruneCriteria>, string[]]>([
    ["unused for long", { unusedForMs: 10 * MINUTE }, ["old"]],
    ["never hit", { neverHit: true }, ["other model", "other tenant", "tagged"]],
    ["of a tenant", { tenant: "globex" }, ["other tenant"]],
    ["of a model", { model: "large" }, ["other model"]],
    ["of a name", { tag: "doc:1" }, ["tagged"]],
    ["never hit and of a tenant", { neverHit: true, tenant: "acme", model: "tiny" }, ["tagged"]],
    ["of nobody", { tenant: "acm" }, []],
  ])("takes out only what is %s", async (_what, criteria, gone) => {
    const test = await answersUnderTest();
    const keys = new Map([["old", await test.keep("old")]]);
    await test.ask("old");
    test.clock.ms += 10 * MINUTE;
    keys.set("tagged", await test.keep("tagged", { tags: ["doc:1"] }));
    keys.set("other tenant", await test.keep("other tenant", { tenant: "globex" }));
    keys.set("other model", await test.keep("other model", { model: "large" }));
    await test.pruner.prune({ ...ANY, ...criteria }, { dryRun: false });
    const left = [...keys].filter(([, key]) => test.index.get(key) === undefined).map(([name]) => name);
    expect(left.sort()).toEqual(gone);
  });

  it("lets lookups and stores go on, and runs alone", async () => {
    const test = await answersUnderTest({ capacityBytes: 50_000_000 });
    await fill(test, 6000, (at) => (at === 5999 ? 1 : 0));
    const pruning = test.pruner.prune({ ...ANY, neverHit: true }, { dryRun: false });
    await expect(test.pruner.prune(ANY, { dryRun: true })).rejects.toThrow(FailedPreconditionError);
    expect(await test.ask("q5999")).toBe("hit");
    await test.keep("meanwhile");
    const { entries } = await pruning;
    expect(entries).toBeGreaterThanOrEqual(5999);
    expect(await test.ask("q5999")).toBe("hit");
  });

  it("frees the bytes of what has no room to be put back, worst first", async () => {
    const one = await bytesOfOne();
    const test = await answersUnderTest({ capacityBytes: one * 100 });
    await fill(test, 100, (at) => Math.floor(at / 10));
    const { entries, undoBytes, pruneId } = await test.pruner.prune({ ...ANY, targetBytes: 0 }, { dryRun: false });
    expect([entries, undoBytes]).toEqual([100, one * 25]);
    expect(undoBytes).toBeLessThanOrEqual(test.index.capacityBytes / 4);
    expect(await test.pruner.undo(pruneId)).toEqual({ restored: 25, lost: 0 });
    expect([await test.ask("q99"), await test.ask("q0")]).toEqual(["hit", "not stored"]);
  });

  it("forecasts what is lost: over random traffic the hit ratio falls by about as much", async () => {
    const random = seededRandom(7);
    const test = await answersUnderTest({ capacityBytes: 100_000_000 });
    // Zipf over 2,000 questions by inversion of the harmonic sum.
    const cumulative: number[] = [];
    for (let rank = 1; rank <= 2000; rank += 1) cumulative.push((cumulative.at(-1) ?? 0) + 1 / rank ** 0.9);
    const ask = async () => {
      const at = random() * (cumulative.at(-1) ?? 1);
      const rank = cumulative.findIndex((sum) => at < sum);
      test.clock.ms += 50;
      const outcome = await test.ask(`q${rank}`);
      if (outcome !== "hit") await test.keep(`q${rank}`);
      return outcome === "hit";
    };
    const hitPp = async (requests: number, store: () => Promise<boolean>) => {
      let hits = 0;
      for (let at = 0; at < requests; at += 1) if (await store()) hits += 1;
      return (100 * hits) / requests;
    };
    await hitPp(8000, ask);
    const before = await hitPp(6000, ask);
    const targetBytes = Math.floor(test.index.bytes * 0.3);
    const { forecastLossPp } = await test.pruner.prune({ ...ANY, targetBytes }, { dryRun: false });
    // The first requests after it, where hardly anything was stored again.
    const after = await hitPp(600, ask);
    expect(forecastLossPp).toBeGreaterThan(5);
    expect(Math.abs(before - after - forecastLossPp)).toBeLessThan(5);
  });
});

describe("an undo", () => {
  it("puts everything back as it was, hits and all", async () => {
    const test = await answersUnderTest();
    await fill(test, 50, (at) => at % 3);
    const before = [...test.index.entries()].map((entry) => entry.facts()).sort((a, b) => a.key.localeCompare(b.key));
    const { pruneId } = await test.pruner.prune({ ...ANY, tenant: "acme" }, { dryRun: false });
    expect([test.index.size, await test.ask("q1")]).toEqual([0, "not stored"]);
    expect(await test.pruner.undo(pruneId)).toEqual({ restored: 50, lost: 0 });
    const after = [...test.index.entries()].map((entry) => entry.facts()).sort((a, b) => a.key.localeCompare(b.key));
    expect(after).toEqual(before);
    expect(await test.ask("q1")).toBe("hit");
    expect(test.answers.statistics().undoBytes).toBe(0);
    await expect(test.pruner.undo(pruneId)).rejects.toThrow(NotFoundError);
  });

  it("never takes the place of a newer answer, nor evicts one", async () => {
    const one = await bytesOfOne();
    const test = await answersUnderTest({ capacityBytes: one * 40 });
    await fill(test, 10);
    const { pruneId } = await test.pruner.prune({ ...ANY, neverHit: true }, { dryRun: false });
    await test.keep("q0", { tags: ["newer"] });
    for (let at = 0; at < 36; at += 1) await test.keep(`n${at}`);
    expect(await test.pruner.undo(pruneId)).toEqual({ restored: 3, lost: 7 });
    expect(test.answers.statistics().evictions).toBe(0);
    expect([...test.index.entries()].some(({ tags }) => tags[0] === "newer")).toBe(true);
  });

  it("is possible for the last prune, for an hour", async () => {
    const test = await answersUnderTest();
    await fill(test, 4);
    const first = await test.pruner.prune({ ...ANY, targetBytes: Math.floor(test.index.bytes / 2) }, { dryRun: false });
    test.clock.ms += 1;
    const second = await test.pruner.prune({ ...ANY, neverHit: true }, { dryRun: false });
    await expect(test.pruner.undo(first.pruneId)).rejects.toThrow(NotFoundError);
    test.clock.ms += 60 * MINUTE;
    await expect(test.pruner.undo(second.pruneId)).rejects.toThrow(/only the last one/);
    expect(test.answers.statistics().undoBytes).toBe(0);
  });

  it("of one answer by its key", async () => {
    const test = await answersUnderTest();
    await fill(test, 3);
    const [key = ""] = [...test.index.entries()].map((entry) => entry.key);
    await test.pruner.prune({ ...ANY, neverHit: true }, { dryRun: false });
    const prefix = key.slice(0, key.indexOf(":") + 17);
    expect([await test.pruner.restore(prefix), await test.pruner.restore(prefix)]).toEqual([true, false]);
    expect(await test.pruner.restore(`globex${prefix.slice(prefix.indexOf(":"))}`)).toBe(false);
    expect(test.index.size).toBe(1);
  });

  it("survives a restart, and what was pruned does not come back by itself", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chimera-cache-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const open = () => openStore(`sqlite://${join(folder, "a.db")}`, (error) => expect.unreachable(String(error)));
    const before = await answersUnderTest({ store: await open() });
    await fill(before, 6, (at) => (at < 2 ? 1 : 0));
    const { pruneId } = await before.pruner.prune({ ...ANY, neverHit: true }, { dryRun: false });
    await before.store.close();
    const after = await answersUnderTest({ store: await open(), clock: before.clock });
    onTestFinished(() => after.store.close());
    expect(await after.answers.restore()).toEqual({ restored: 2, removed: 0 });
    expect(await after.ask("q5")).toBe("not stored");
    expect(await after.pruner.undo(pruneId)).toEqual({ restored: 4, lost: 0 });
    expect(await after.ask("q5")).toBe("hit");
  });
});
