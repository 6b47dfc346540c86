import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { clone } from "@bufbuild/protobuf";
import { type CacheKeyInput, CacheKeyInputSchema } from "@chimera/contracts/cache";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { Answers } from "./answers.ts";
import { EntryIndex } from "./index/entry-index.ts";
import { cacheKey } from "./key.ts";
import { LruPolicy } from "./policy/lru.ts";
import { KeyvStore } from "./store/keyv-store.ts";
import { openStore } from "./store/open-store.ts";
import type { ByteStore } from "./store/store.ts";
import { encoded, encodedAnswer, HandClock, rowOf, sampleAnswer, sampleInput, textOfBody } from "./test-data.ts";

const TTL_MS = 60_000;

interface SetUp {
  store?: ByteStore;
  clock?: HandClock;
  capacityBytes?: number;
  maxEntries?: number;
}

async function setUp(options: SetUp = {}) {
  const { capacityBytes = 1_000_000, maxEntries = 1000, clock = new HandClock() } = options;
  const store = options.store ?? (await openStore("memory", (error) => expect.unreachable(String(error))));
  const index = new EntryIndex({ capacityBytes, maxEntries, policy: new LruPolicy() });
  let changes = 0;
  const onChange = () => {
    changes += 1;
  };
  const answers = new Answers({ index, store, clock, ttlMs: TTL_MS, staleMs: 0, onChange });
  return { answers, clock, index, store, changes: () => changes };
}

async function databasePath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "chimera-cache-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, "a.db");
}

const openFile = (path: string) => openStore(`sqlite://${path}`, (error) => expect.unreachable(String(error)));

/** A Map that can be taken away and brought back. */
function flakyStore(): { store: ByteStore; break(kind: "get" | "set" | undefined): void; map: Map<string, unknown> } {
  const map = new Map<string, unknown>();
  let broken: "get" | "set" | undefined;
  const failing = <T>(kind: "get" | "set", run: () => T) => {
    if (broken === kind) throw new Error("connection refused");
    return run();
  };
  const adapter = {
    get: async (key: string) => failing("get", () => map.get(key)),
    set: async (key: string, value: unknown) => failing("set", () => map.set(key, value) === map),
    delete: async (key: string) => map.delete(key),
    clear: async () => map.clear(),
  };
  const store = new KeyvStore({ kind: "memory", adapter, onError: () => {} });
  return {
    store,
    map,
    break: (kind) => {
      broken = kind;
    },
  };
}

describe("Answers", () => {
  it("gives back exactly what was stored, and says since when", async () => {
    const { answers, clock } = await setUp();
    const answer = encodedAnswer(["Häppy ", "🙂", " end", ""]);
    expect(await answers.lookup(sampleInput())).toMatchObject({ body: undefined, reason: "not stored" });
    expect(await answers.store(sampleInput(), answer)).toMatchObject({ stored: true, reason: "" });
    clock.ms += 12_300;
    const hit = await answers.lookup(sampleInput());
    expect(hit).toMatchObject({ reason: "stored 12 s ago", keyPrefix: cacheKey(sampleInput()).prefix });
    expect(hit.body).toEqual(answer.body);
    expect(answers.statistics()).toMatchObject({ entries: 1, hits: 1, misses: 1, stores: 1, storeErrors: 0 });
  });

  it("refuses what is not complete, and counts it", async () => {
    const { answers } = await setUp();
    const cut = sampleAnswer();
    cut.complete = undefined;
    expect(await answers.store(sampleInput(), encoded(cut))).toMatchObject({
      stored: false,
      reason: "incomplete: the stream did not end",
    });
    expect((await answers.lookup(sampleInput())).reason).toBe("not stored");
    expect(answers.statistics()).toMatchObject({ refusals: 1, stores: 0, entries: 0 });
  });

  it("refuses one answer that would take more than its share, and keeps the rest", async () => {
    const { answers } = await setUp({ capacityBytes: 10_000 });
    await answers.store(sampleInput(), encodedAnswer());
    const large = sampleInput({ model: "large" });
    expect(await answers.store(large, encodedAnswer(["x".repeat(600)]))).toMatchObject({
      stored: false,
      reason: "larger than 5 % of the cache",
    });
    expect((await answers.lookup(sampleInput())).body).toBeDefined();
    expect(answers.statistics()).toMatchObject({ refusals: 1, entries: 1 });
  });

  it("serves an answer up to its last millisecond and frees it after", async () => {
    const { answers, clock } = await setUp();
    await answers.store(sampleInput(), encodedAnswer());
    clock.ms += TTL_MS - 1;
    expect((await answers.lookup(sampleInput())).reason).toBe("stored 59 s ago");
    clock.ms += 1;
    expect((await answers.lookup(sampleInput())).reason).toBe("expired");
    expect((await answers.lookup(sampleInput())).reason).toBe("not stored");
    expect(answers.statistics()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it("replaces an older answer", async () => {
    const { answers, clock } = await setUp();
    await answers.store(sampleInput(), encodedAnswer(["old"]));
    clock.ms += 50_000;
    await answers.store(sampleInput(), encodedAnswer(["new"]));
    clock.ms += 50_000;
    expect(textOfBody((await answers.lookup(sampleInput())).body)).toBe("new");
    expect(answers.statistics().entries).toBe(1);
  });

  it("evicts what was not used for the longest time, in the byte store too", async () => {
    const { store, map } = flakyStore();
    const { answers } = await setUp({ store, maxEntries: 2 });
    const [a, b, c] = ["a", "b", "c"].map((model) => sampleInput({ model })) as [
      CacheKeyInput,
      CacheKeyInput,
      CacheKeyInput,
    ];
    await answers.store(a, encodedAnswer(["a"]));
    await answers.store(b, encodedAnswer(["b"]));
    await answers.lookup(a);
    await answers.store(c, encodedAnswer(["c"]));
    const found = await Promise.all([a, b, c].map((input) => answers.lookup(input)));
    expect(found.map(({ body }) => textOfBody(body))).toEqual(["a", undefined, "c"]);
    expect(answers.statistics().evictions).toBe(1);
    await expect.poll(() => map.size).toBe(2);
  });

  it("misses while the byte store is down, counts it, and is well again when the store is", async () => {
    const flaky = flakyStore();
    const { answers } = await setUp({ store: flaky.store });
    await answers.store(sampleInput(), encodedAnswer());
    flaky.break("get");
    expect(await answers.lookup(sampleInput())).toMatchObject({ body: undefined, reason: "store failed" });
    flaky.break("set");
    const other = sampleInput({ model: "other" });
    expect(await answers.store(other, encodedAnswer())).toMatchObject({ stored: false, reason: "store failed" });
    flaky.break(undefined);
    expect((await answers.lookup(sampleInput())).reason).toBe("stored 0 s ago");
    expect((await answers.lookup(other)).reason).toBe("not stored");
    expect(answers.statistics()).toMatchObject({ storeErrors: 2, hits: 1, misses: 2, entries: 1 });
  });

  it("misses where bytes are gone or are no answer, and does not promise them again", async () => {
    const { store, map } = flakyStore();
    const { answers } = await setUp({ store });
    await answers.store(sampleInput(), encodedAnswer());
    map.clear();
    expect((await answers.lookup(sampleInput())).reason).toBe("store failed");
    expect((await answers.lookup(sampleInput())).reason).toBe("not stored");
    expect(answers.statistics()).toMatchObject({ storeErrors: 1, entries: 0, bytes: 0 });
    await answers.store(sampleInput(), encodedAnswer());
    await store.set(rowOf(cacheKey(sampleInput()).storeKey, Uint8Array.of(0xff, 0xff)));
    expect((await answers.lookup(sampleInput())).reason).toBe("store failed");
    expect(answers.statistics().storeErrors).toBe(2);
  });

  it("does not promise an answer whose write failed after it was taken", async () => {
    const path = await databasePath();
    await (await openFile(path)).close();
    const db = new DatabaseSync(path);
    // A trigger is a disk that refuses to grow.
    db.exec("CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    db.close();
    const store = await openStore(`sqlite://${path}`, () => {});
    const { answers } = await setUp({ store });
    expect((await answers.store(sampleInput(), encodedAnswer())).stored).toBe(true);
    // Returns when every write before it was tried.
    await store.noteUses([]);
    expect((await answers.lookup(sampleInput())).reason).toBe("not stored");
    expect(answers.statistics()).toMatchObject({ storeErrors: 1, entries: 0, bytes: 0 });
    await store.close();
  });

  it("reports every change and only changes", async () => {
    const { answers, changes } = await setUp();
    answers.statistics();
    expect(changes()).toBe(0);
    await answers.store(sampleInput(), encodedAnswer());
    await answers.lookup(sampleInput());
    await answers.lookup(sampleInput({ model: "none" }));
    expect(changes()).toBe(3);
  });
});

describe("Answers of several tenants", () => {
  const request = fc.record({
    tenant: fc.constantFrom("a", "b", "a-b", "A"),
    model: fc.constantFrom("m", "n"),
    prompt: fc.constantFrom("x", "y", "a:x", "b:x"),
  });
  const step = fc.record({ request, isStore: fc.boolean() });

  it("never meet: over random requests each tenant sees exactly what it stored itself", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { answers } = await setUp();
        const stored = new Map<string, string>();
        for (const [number, { request: fields, isStore }] of steps.entries()) {
          const input = sampleInput({ ...fields, messages: [] });
          const own = `${fields.tenant}|${fields.model}|${fields.prompt}`;
          if (isStore) {
            await answers.store(input, encodedAnswer([fields.tenant, String(number)]));
            stored.set(own, fields.tenant + number);
          } else {
            expect(textOfBody((await answers.lookup(input)).body)).toBe(stored.get(own));
          }
        }
      }),
    );
  });

  it("never meet under eviction: a hit is always the tenant's own answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        const { answers } = await setUp({ maxEntries: 3 });
        await Promise.all(
          steps.map(async ({ request: fields, isStore }) => {
            const input = sampleInput({ ...fields, messages: [] });
            if (isStore) return answers.store(input, encodedAnswer([fields.tenant]));
            const text = textOfBody((await answers.lookup(input)).body);
            return expect([undefined, fields.tenant]).toContain(text);
          }),
        );
      }),
    );
  });
});

describe("Answers after a restart", () => {
  it("serves what was stored, with hits and bytes as before, and forgets what expired meanwhile", async () => {
    const path = await databasePath();
    const before = await setUp({ store: await openFile(path) });
    const { clock } = before;
    await before.answers.store(sampleInput({ model: "old" }), encodedAnswer(["old"]));
    clock.ms += 30_000;
    await before.answers.store(sampleInput({ model: "a" }), encodedAnswer(["a", "b"]));
    await before.answers.store(sampleInput({ tenant: "globex", model: "a" }), encodedAnswer(["other"]));
    await before.answers.lookup(sampleInput({ model: "a" }));
    await before.answers.lookup(sampleInput({ model: "a" }));
    await before.answers.saveUses();
    const bytesBefore = before.index.bytes;
    const oldBytes = before.index.get(cacheKey(sampleInput({ model: "old" })).storeKey)?.bytes ?? 0;
    await before.store.close();

    clock.ms += 35_000;
    const after = await setUp({ store: await openFile(path), clock });
    expect(await after.answers.restore()).toEqual({ restored: 2, removed: 1 });
    expect(after.index.bytes).toBe(bytesBefore - oldBytes);
    expect(after.index.get(cacheKey(sampleInput({ model: "a" })).storeKey)).toMatchObject({
      hits: 2,
      tenant: "acme",
      ttftMs: 4.25,
      tokens: 2,
    });
    const hit = await after.answers.lookup(sampleInput({ model: "a" }));
    expect([textOfBody(hit.body), hit.reason]).toEqual(["ab", "stored 35 s ago"]);
    expect((await after.answers.lookup(sampleInput({ model: "old" }))).reason).toBe("not stored");
    await after.store.close();
  });

  it("keeps the most recently used where the capacity has become smaller", async () => {
    const path = await databasePath();
    const before = await setUp({ store: await openFile(path) });
    const inputs = ["a", "b", "c", "d"].map((model) => sampleInput({ model }));
    for (const input of inputs) {
      before.clock.ms += 1;
      await before.answers.store(input, encodedAnswer([input.model]));
    }
    before.clock.ms += 1;
    await before.answers.lookup(inputs[0] ?? sampleInput());
    await before.answers.saveUses();
    await before.store.close();

    for (let start = 0; start < 2; start += 1) {
      const after = await setUp({ store: await openFile(path), clock: before.clock, maxEntries: 2 });
      expect(await after.answers.restore()).toEqual({ restored: 2, removed: start === 0 ? 2 : 0 });
      const found = await Promise.all(inputs.map((input) => after.answers.lookup(input)));
      expect(found.map(({ body }) => textOfBody(body))).toEqual(["a", undefined, undefined, "d"]);
      await after.store.close();
    }
  });

  it("serves one tenant's answer to no other one, even where the file was changed by hand", async () => {
    const path = await databasePath();
    const before = await setUp({ store: await openFile(path) });
    await before.answers.store(sampleInput(), encodedAnswer());
    await before.store.close();
    const thief = clone(CacheKeyInputSchema, sampleInput());
    thief.tenant = "thief";
    const db = new DatabaseSync(path);
    db.prepare("UPDATE answers SET key = ?, tenant = ?").run(cacheKey(thief).storeKey, "thief");
    db.exec("UPDATE answers SET bytes = length(key) + length(body)");
    db.close();
    const store = await openStore(`sqlite://${path}`, () => {});
    const after = await setUp({ store, clock: before.clock });
    await after.answers.restore();
    expect((await after.answers.lookup(thief)).reason).toBe("store failed");
    await store.close();
  });
});

describe("Answers whose bytes were changed behind their back", () => {
  const own = encodedAnswer(["The ", "key ", "is ", "1234."]).body;
  const foreign = encodedAnswer(["Some", "one ", "else's ", "answer."]).body;
  const changes: Record<string, () => Uint8Array> = {
    "with one bit flipped": () => own.map((byte, position) => (position === own.length >> 1 ? byte ^ 1 : byte)),
    "with their end cut off": () => own.subarray(0, own.length - 1),
    "cut to nothing": () => new Uint8Array(),
    "with bytes after their end": () => Uint8Array.of(...own, ...own),
    "half overwritten by another answer": () =>
      own.map((byte, position) => (position % 2 === 0 ? byte : (foreign[position] ?? 0))),
    "of another key": () => foreign,
  };

  it.each(Object.entries(changes))("are not served %s, and counted", async (_what, changed) => {
    const { answers, store } = await setUp();
    const { storeKey } = cacheKey(sampleInput());
    await answers.store(sampleInput(), encodedAnswer(["The ", "key ", "is ", "1234."]));
    await store.set(rowOf(storeKey, changed()));
    expect(await answers.lookup(sampleInput())).toMatchObject({ body: undefined, reason: "store failed" });
    expect(await answers.lookup(sampleInput())).toMatchObject({ body: undefined, reason: "not stored" });
    expect(answers.statistics()).toMatchObject({ hits: 0, misses: 2, storeErrors: 1, entries: 0, bytes: 0 });
    expect(await store.get(storeKey)).toBeUndefined();
    await answers.store(sampleInput(), encodedAnswer(["well again"]));
    expect(textOfBody((await answers.lookup(sampleInput())).body)).toBe("well again");
  });

  it("are not served where two answers of one tenant changed places", async () => {
    const { answers, store } = await setUp();
    const inputs = ["a", "b"].map((model) => sampleInput({ model }));
    const bodies = ["1234.", "5678."].map((text) => encodedAnswer([text]));
    for (const [number, input] of inputs.entries()) await answers.store(input, bodies[number] ?? encodedAnswer());
    for (const [number, input] of inputs.entries()) {
      await store.set(rowOf(cacheKey(input).storeKey, bodies[1 - number]?.body ?? own));
    }
    const found = await Promise.all(inputs.map((input) => answers.lookup(input)));
    expect(found.map(({ body, reason }) => [body, reason])).toEqual(Array(2).fill([undefined, "store failed"]));
  });

  /** Stores one answer of each key in a file, changes the file while nothing holds it, and opens it again. */
  async function afterChangeOf(path: string, change: () => void | Promise<void>) {
    const before = await setUp({ store: await openFile(path) });
    await before.answers.store(sampleInput(), encodedAnswer(["The ", "key ", "is ", "1234."]));
    await before.answers.store(sampleInput({ model: "other" }), encodedAnswer(["The ", "key ", "is ", "5678."]));
    await before.store.close();
    await change();
    const after = await setUp({ store: await openStore(`sqlite://${path}`, () => {}), clock: before.clock });
    onTestFinished(() => after.store.close());
    await after.answers.restore();
    return after;
  }

  const key = cacheKey(sampleInput()).storeKey;
  const otherKey = cacheKey(sampleInput({ model: "other" })).storeKey;
  const inDatabase =
    (sql: string, ...values: string[]) =>
    (path: string) => {
      const db = new DatabaseSync(path);
      db.prepare(sql).run(...values);
      db.close();
    };
  const onDisk: Record<string, (path: string) => void | Promise<void>> = {
    "with one byte of the file flipped": async (path) => {
      const file = await readFile(path);
      const position = file.indexOf("1234.");
      file[position] = (file[position] ?? 0) ^ 1;
      await writeFile(path, file);
    },
    "cut short": inDatabase("UPDATE answers SET body = substr(body, 1, 9), bytes = length(key) + 9 WHERE key = ?", key),
    "of another key": inDatabase(
      "UPDATE answers SET body = (SELECT body FROM answers WHERE key = ?) WHERE key = ?",
      otherKey,
      key,
    ),
    "of another key with its checksum": inDatabase(
      "UPDATE answers SET (body, checksum) = (SELECT body, checksum FROM answers WHERE key = ?) WHERE key = ?",
      otherKey,
      key,
    ),
  };

  it.each(Object.entries(onDisk))("are not served from a file %s, and counted", async (_what, change) => {
    const path = await databasePath();
    const { answers } = await afterChangeOf(path, () => change(path));
    expect(await answers.lookup(sampleInput())).toMatchObject({ body: undefined, reason: "store failed" });
    expect(answers.statistics()).toMatchObject({ hits: 0, misses: 1, storeErrors: 1 });
    expect(textOfBody((await answers.lookup(sampleInput({ model: "other" }))).body)).toBe("The key is 5678.");
  });

  it("are not served after a restart either, once they were read", async () => {
    const { answers, store } = await afterChangeOf(await databasePath(), () => {});
    expect(textOfBody((await answers.lookup(sampleInput())).body)).toBe("The key is 1234.");
    await store.set(rowOf(key, foreign));
    expect((await answers.lookup(sampleInput())).reason).toBe("store failed");
  });
});
