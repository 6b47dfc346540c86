// What was measured, as lines of a file that survive a crash: a tuner that starts again with the same seed reads its
// measurements here instead of making them a second time, decides the same, and goes on where it ended.
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { FailedPreconditionError } from "@chimera/kernel";
import { z } from "zod";
import type { Measured } from "./trial.ts";

/** Lines of one journal: MAX_TRIALS trials with some blocks each stay far below. */
const MAX_RECORDS = 20_000;
/** Written lines that a power cut may cost: their items would be asked again. */
const RECORDS_PER_SYNC = 8;

const column = z.array(z.number());
const lineSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("header"), version: z.literal(1), plan: z.string() }),
  z.object({
    kind: z.literal("measured"),
    key: z.string(),
    score: column,
    ttftMs: column,
    tokens: column,
    error: z.string(),
  }),
]);

type Line = { kind: "header"; version: 1; plan: string } | ({ kind: "measured"; key: string } & MeasureRecord);

/** One call of `measure`: its items in columns, or why there are none. */
export interface MeasureRecord extends Measured {
  readonly error: string;
}

/** Where a tuner looks for measurements and puts them. */
export interface Journal {
  find(key: string): MeasureRecord | undefined;
  append(key: string, record: MeasureRecord): Promise<void>;
}

/** For a run that need not survive. */
export const noJournal: Journal = { find: () => undefined, append: () => Promise.resolve() };

export class FileJournal implements Journal {
  readonly #file: FileHandle;
  readonly #records: Map<string, MeasureRecord>;
  #unsynced = 0;

  private constructor(file: FileHandle, records: Map<string, MeasureRecord>) {
    this.#file = file;
    this.#records = records;
  }

  /**
   * Opens or creates. `plan` is all that decides which measurements are asked for: space, items, seed. Throws
   * FailedPreconditionError where the file belongs to another plan or is damaged anywhere but in its last line.
   */
  static async open(path: string, plan: unknown): Promise<FileJournal> {
    const hash = createHash("sha256").update(JSON.stringify(plan)).digest("hex");
    const file = await open(path, "a+");
    try {
      const { records, isNew, keptBytes } = await readAll(file, { path, hash });
      await file.truncate(keptBytes);
      const journal = new FileJournal(file, records);
      if (isNew) await journal.#write({ kind: "header", version: 1, plan: hash });
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#records.size;
  }

  find(key: string): MeasureRecord | undefined {
    return this.#records.get(key);
  }

  async append(key: string, record: MeasureRecord): Promise<void> {
    if (this.#records.size === MAX_RECORDS) throw new FailedPreconditionError(`the journal has ${MAX_RECORDS} records`);
    this.#records.set(key, record);
    await this.#write({ kind: "measured", key, ...record });
    this.#unsynced += 1;
    if (this.#unsynced >= RECORDS_PER_SYNC) await this.#sync();
  }

  async close(): Promise<void> {
    await this.#sync();
    await this.#file.close();
  }

  async #sync(): Promise<void> {
    this.#unsynced = 0;
    await this.#file.datasync();
  }

  async #write(line: Line): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(line)}\n`);
  }
}

interface Content {
  records: Map<string, MeasureRecord>;
  isNew: boolean;
  keptBytes: number;
}

async function readAll(file: FileHandle, { path, hash }: { path: string; hash: string }): Promise<Content> {
  const text = await file.readFile("utf8");
  // What follows the last line end was cut off while it was written.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const records = new Map<string, MeasureRecord>();
  const lines = whole.split("\n").slice(0, -1);
  lines.forEach((line, index) => {
    const parsed = lineSchema.safeParse(parseJson(line));
    const place = `${path}, line ${index + 1}`;
    if (!parsed.success || (index === 0) !== (parsed.data.kind === "header")) {
      throw new FailedPreconditionError(`${place}: not a line of a tuner's journal`);
    }
    if (parsed.data.kind === "header") {
      if (parsed.data.plan === hash) return;
      throw new FailedPreconditionError(
        `${path} belongs to another space, seed or data set; give this run a file of its own`,
      );
    }
    if (records.size === MAX_RECORDS) throw new FailedPreconditionError(`${place}: more than ${MAX_RECORDS} records`);
    const { key, score, ttftMs, tokens, error } = parsed.data;
    records.set(key, { score, ttftMs, tokens, error });
  });
  return { records, isNew: lines.length === 0, keptBytes: Buffer.byteLength(whole) };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
