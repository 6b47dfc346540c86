import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FailedPreconditionError } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rowOf } from "../test-data.ts";
import { openStore } from "./open-store.ts";
import type { ByteStore, KeptFacts } from "./store.ts";
import { storeSuite } from "./store-suite.ts";

let folder: string;
let path: string;
const errors: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-cache-"));
  path = join(folder, "answers", "a.db");
  errors.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const open = (): Promise<ByteStore> => openStore(`sqlite://${path}`, (error) => errors.push(error));

async function keysOf(store: ByteStore): Promise<KeptFacts[]> {
  const found: KeptFacts[] = [];
  for await (const facts of store.keys()) found.push(facts);
  return found;
}

/** Opens the file as any other program would, while no store holds it. */
function change(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe("KeyvStore on SQLite", () => {
  storeSuite(open);

  it("still has everything after a restart, with its facts, least recently used first", async () => {
    const before = await open();
    const rows = ["t:a", "t:b", "u:c"].map((key, number) => ({
      ...rowOf(key, Uint8Array.of(number)),
      ttftMs: 1.5 + number,
      hits: number,
      lastUsedMs: 1_700_000_000_010 - number,
    }));
    for (const row of rows) await before.set(row);
    await before.close();
    const after = await open();
    const expected = rows.map(({ body: _, ...facts }) => facts).reverse();
    expect(await keysOf(after)).toEqual(expected);
    for (const row of rows) expect(await after.get(row.key)).toEqual(row.body);
    await after.close();
  });

  it("reads back more rows than one page", async () => {
    const before = await open();
    await Promise.all(Array.from({ length: 2500 }, (_, number) => before.set(rowOf(`t:${number}`, Uint8Array.of(1)))));
    await before.close();
    const after = await open();
    expect(new Set((await keysOf(after)).map((facts) => facts.key)).size).toBe(2500);
    await after.close();
  });

  it("keeps hits and times of use, of rows that are still being written too, and makes no row of them", async () => {
    const before = await open();
    const row = rowOf("t:a", Uint8Array.of(1));
    await before.set(row);
    await before.noteUses([
      { ...row, hits: 4, lastUsedMs: 1_700_000_000_999 },
      { ...row, key: "t:gone", hits: 1 },
    ]);
    await before.close();
    const after = await open();
    expect((await keysOf(after)).map(({ key, hits, lastUsedMs }) => [key, hits, lastUsedMs])).toEqual([
      ["t:a", 4, 1_700_000_000_999],
    ]);
    await after.close();
  });

  it.each([
    ["cut short", "UPDATE answers SET body = substr(body, 1, 3)"],
    ["changed", "UPDATE answers SET body = zeroblob(length(body))"],
    ["of another key", "UPDATE answers SET key = 't:b'"],
    ["of another tenant", "UPDATE answers SET tenant = 'u'"],
  ])("never gives back a body that was %s", async (_what, sql) => {
    const before = await open();
    await before.set(
      rowOf(
        "t:a",
        Uint8Array.from({ length: 64 }, (_, byte) => byte),
      ),
    );
    await before.close();
    change(sql);
    const after = await open();
    const key = sql.includes("'t:b'") ? "t:b" : "t:a";
    await expect(after.get(key)).rejects.toThrow("byte store failed");
    expect(await after.get(key)).toBeUndefined();
    expect(errors.length).toBe(1);
    await after.close();
  });

  it("forgets rows that are cut short before it lists what it has", async () => {
    const before = await open();
    await before.set(rowOf("t:cut", new Uint8Array(64)));
    await before.set(rowOf("t:whole", new Uint8Array(64)));
    await before.close();
    change("UPDATE answers SET body = substr(body, 1, 3) WHERE key = 't:cut'");
    const after = await open();
    expect((await keysOf(after)).map((facts) => facts.key)).toEqual(["t:whole"]);
    await after.close();
  });

  it("keeps marks across a restart, of rows that exist, until they are taken away or the answer is replaced", async () => {
    const before = await open();
    for (const key of ["t:a", "t:b", "t:c"]) await before.set(rowOf(key, Uint8Array.of(1)));
    await before.markPruned(["t:a", "t:b", "t:c", "t:gone"], 1_700_000_001_000);
    await before.unmark(["t:b"]);
    await before.set(rowOf("t:c", Uint8Array.of(2)));
    await before.close();
    const after = await open();
    expect((await keysOf(after)).map(({ key, prunedAtMs }) => [key, prunedAtMs])).toEqual([
      ["t:a", 1_700_000_001_000],
      ["t:b", undefined],
      ["t:c", undefined],
    ]);
    expect(await after.get("t:a")).toEqual(Uint8Array.of(1));
    await after.close();
  });

  it("reports writes that the disk did not take, and serves what it had", async () => {
    const first = await open();
    await first.set(rowOf("t:old", Uint8Array.of(1)));
    await first.close();
    // A trigger is a disk that refuses one kind of row.
    change(
      "CREATE TRIGGER refuse BEFORE INSERT ON answers WHEN NEW.key = 't:bad' BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    const store = await open();
    const lost: string[] = [];
    store.onLost((keys) => lost.push(...keys));
    await store.set(rowOf("t:bad", Uint8Array.of(2)));
    await store.noteUses([]);
    expect(lost).toEqual(["t:bad"]);
    expect(String(errors)).toContain("disk full");
    expect(await store.get("t:bad")).toBeUndefined();
    expect(await store.get("t:old")).toEqual(Uint8Array.of(1));
    await store.set(rowOf("t:good", Uint8Array.of(3)));
    await store.close();
    const after = await open();
    expect((await keysOf(after)).map((facts) => facts.key)).toEqual(["t:good", "t:old"]);
    await after.close();
  });

  it("refuses a file that another cache holds, and says what to do", async () => {
    const first = await open();
    const second = open();
    await expect(second).rejects.toThrow(FailedPreconditionError);
    await expect(second).rejects.toThrow(/database is locked.*Stop what else uses it/);
    await first.close();
  });

  /** Overwrites the file from there to its end, while no store holds it. */
  async function damage(from: number): Promise<void> {
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0xa5, from));
  }

  async function filled(): Promise<void> {
    const store = await open();
    for (let number = 0; number < 200; number += 1) await store.set(rowOf(`t:${number}`, new Uint8Array(2000)));
    await store.close();
  }

  it.each([
    ["at its start", 100],
    ["behind its start", 4096],
  ])("moves a file that is damaged %s aside, says so, and begins a new one", async (_where, from) => {
    await filled();
    await damage(from);
    const store = await open();
    expect(await keysOf(store)).toEqual([]);
    expect(String(errors)).toMatch(/a\.db was damaged \(.*\); it was moved to .*a\.db\.damaged and a new one begun/);
    await store.set(rowOf("t:new", Uint8Array.of(1)));
    await store.close();
    const after = await open();
    expect((await keysOf(after)).map(({ key }) => key)).toEqual(["t:new"]);
    await after.close();
    expect((await readdir(join(folder, "answers"))).sort()).toEqual(["a.db", "a.db.damaged"]);
  });

  it("keeps one damaged file, the newest", async () => {
    for (const from of [4096, 100]) {
      await filled();
      await damage(from);
      const store = await open();
      await keysOf(store);
      await store.close();
    }
    expect((await readdir(join(folder, "answers"))).sort()).toEqual(["a.db", "a.db.damaged"]);
    expect((await readFile(`${path}.damaged`)).indexOf(0xa5)).toBe(100);
  });

  it("refuses what is no database, and leaves it as it is", async () => {
    path = join(folder, "notes.txt");
    await writeFile(path, "not a database, but somebody needs it\n".repeat(200));
    await expect(open()).rejects.toThrow(/notes\.txt can not be used.*not a database/);
    expect(await readFile(path, "utf8")).toContain("somebody needs it");
  });

  it.each([1, 2])(
    "opens a file of the older layout %i clean and empty: its answers can be made again",
    async (version) => {
      await mkdir(join(folder, "answers"));
      change(`
      CREATE TABLE answers (namespace TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (namespace, key)) STRICT;
      INSERT INTO answers VALUES ('chimera-cache', 't:old', x'01');
      PRAGMA user_version = ${version}`);
      const store = await open();
      expect(await keysOf(store)).toEqual([]);
      await store.set(rowOf("t:new", Uint8Array.of(1)));
      await store.close();
      const after = await open();
      expect((await keysOf(after)).map(({ key }) => key)).toEqual(["t:new"]);
      await after.close();
      expect(errors).toEqual([]);
    },
  );

  it("refuses a file of a newer layout", async () => {
    await (await open()).close();
    change("PRAGMA user_version = 99");
    await expect(open()).rejects.toThrow("version 99, not 3");
  });
});
