// The table of stored answers in one SQLite file. Synchronous, so it belongs in a thread of its own (sqlite-worker.ts).
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { EntryFacts } from "../index/entry.ts";
import { checksumOf, type PlainFacts } from "./checksum.ts";
import type { KeptFacts, KeptRow, StoredRow } from "./store.ts";
import type { Write } from "./write-behind.ts";

/** Stands in the file as user_version; another number means another layout. */
const SCHEMA_VERSION = 3;
/** The log of writes is cut back to this size after each checkpoint. */
const MAX_WAL_BYTES = 16 * 1024 * 1024;

/** The body is the last column: reading the facts of a row then leaves the pages of its body alone. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS answers (
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    tenant TEXT NOT NULL,
    model TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    ttft_ms REAL NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    tags TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    fresh_until_ms INTEGER NOT NULL,
    stale_until_ms INTEGER NOT NULL,
    last_used_ms INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    pruned_ms INTEGER,
    checksum BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
  ) STRICT`;

const FACTS = `key, tenant, model, bytes, ttft_ms AS ttftMs, prompt_tokens AS promptTokens, tokens, tags, origin,
  created_ms AS storedAtMs, fresh_until_ms AS freshUntilMs, stale_until_ms AS staleUntilMs, last_used_ms AS lastUsedMs, hits,
  pruned_ms AS prunedAtMs`;

type FactsRow = PlainFacts & { prunedAtMs: number | null };

export type Found = { state: "found"; row: KeptRow } | { state: "none" } | { state: "damaged" };

export class SqliteTable {
  readonly #db: DatabaseSync;
  readonly #namespace: string;
  readonly #select: StatementSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;
  readonly #noteUse: StatementSync;
  readonly #mark: StatementSync;

  /** Throws where the file can not be opened, is no such table, or is held by another process. */
  constructor(path: string, namespace: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#db = openDatabase(path);
    this.#namespace = namespace;
    this.#select = this.#db.prepare(
      `SELECT ${FACTS}, checksum, body FROM answers WHERE namespace = :namespace AND key = :key`,
    );
    this.#upsert = this.#db.prepare(`
      INSERT OR REPLACE INTO answers VALUES (:namespace, :key, :tenant, :model, :bytes, :ttftMs, :promptTokens, :tokens,
        :tags, :origin, :storedAtMs, :freshUntilMs, :staleUntilMs, :lastUsedMs, :hits, NULL, :checksum, :body)`);
    this.#remove = this.#db.prepare("DELETE FROM answers WHERE namespace = :namespace AND key = :key");
    this.#noteUse = this.#db.prepare(
      "UPDATE answers SET hits = :hits, last_used_ms = :lastUsedMs WHERE namespace = :namespace AND key = :key",
    );
    this.#mark = this.#db.prepare(
      "UPDATE answers SET pruned_ms = :prunedAtMs WHERE namespace = :namespace AND key = :key",
    );
  }

  /** A body whose checksum does not fit its row is damaged: it is deleted and never returned. */
  get(key: string): Found {
    const row = this.#select.get({ namespace: this.#namespace, key });
    if (row === undefined) return { state: "none" };
    const { checksum, body, ...plain } = row as unknown as FactsRow & { checksum: Uint8Array; body: Uint8Array };
    if (checksumOf(plain, body).equals(checksum)) return { state: "found", row: { ...keptFacts(plain), body } };
    this.#remove.run({ namespace: this.#namespace, key });
    return { state: "damaged" };
  }

  /** All or nothing. */
  write(batch: readonly Write<StoredRow>[]): void {
    this.#transaction(() => {
      for (const { key, value } of batch) {
        if (value === undefined) this.#remove.run({ namespace: this.#namespace, key });
        else this.#put(value);
      }
    });
  }

  #put({ body, ...rest }: StoredRow): void {
    const facts: PlainFacts = { ...rest, tags: JSON.stringify(rest.tags) };
    this.#upsert.run({ namespace: this.#namespace, ...facts, body, checksum: checksumOf(facts, body) });
  }

  noteUses(uses: readonly EntryFacts[]): void {
    this.#transaction(() => {
      for (const { key, hits, lastUsedMs } of uses) {
        this.#noteUse.run({ namespace: this.#namespace, key, hits, lastUsedMs });
      }
    });
  }

  mark(keys: readonly string[], prunedAtMs: number | undefined): void {
    this.#transaction(() => {
      for (const key of keys) this.#mark.run({ namespace: this.#namespace, key, prunedAtMs: prunedAtMs ?? null });
    });
  }

  /** Facts of all rows, least recently used first. Rows that can be seen to be damaged without their checksum are deleted before. */
  *facts(): Generator<KeptFacts> {
    this.#db
      .prepare(`DELETE FROM answers
        WHERE namespace = :namespace AND (length(key) + length(body) <> bytes OR NOT json_valid(tags))`)
      .run({ namespace: this.#namespace });
    const rows = this.#db
      .prepare(`SELECT ${FACTS} FROM answers WHERE namespace = :namespace ORDER BY last_used_ms, key`)
      .iterate({ namespace: this.#namespace });
    for (const row of rows as Iterable<unknown> as Iterable<FactsRow>) {
      yield keptFacts(row);
    }
  }

  clear(): void {
    this.#db.prepare("DELETE FROM answers WHERE namespace = :namespace").run({ namespace: this.#namespace });
  }

  close(): void {
    this.#db.close();
  }

  #transaction(run: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      run();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

function keptFacts({ tags, prunedAtMs, ...rest }: FactsRow): KeptFacts {
  const facts = { ...rest, tags: JSON.parse(tags) as string[] };
  return prunedAtMs === null ? facts : { ...facts, prunedAtMs };
}

/**
 * WAL with synchronous=NORMAL: a killed process loses nothing that was committed, a power cut may lose the last commits and
 * leaves the file whole. The file is held alone: two caches on one file would delete each other's answers unseen.
 */
function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    db.exec(`PRAGMA journal_size_limit = ${MAX_WAL_BYTES}`);
    const found = db.prepare("PRAGMA user_version").get()?.user_version;
    if (typeof found !== "number" || found > SCHEMA_VERSION)
      throw new Error(`its layout is version ${found}, not ${SCHEMA_VERSION}`);
    // Answers of an older layout lack what is needed to serve them; they can be made again.
    const older = found > 0 && found < SCHEMA_VERSION ? "DROP TABLE IF EXISTS answers; " : "";
    db.exec(`BEGIN IMMEDIATE; ${older}${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
