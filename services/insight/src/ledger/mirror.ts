// A copy of the ledger in a file, one record a line, for readers without NATS and to give back what a lost stream held.
import { createReadStream } from "node:fs";
import { mkdir, open, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { encodeRecord, type LedgerRecord } from "./record.ts";

export class Mirror {
  readonly #file: string;
  #lastSequence: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Number of whole lines, and with it of records: record n stands in line n. Cuts off a line that a crash left unfinished. */
  async lastSequence(): Promise<number> {
    this.#lastSequence ??= await this.#prepare();
    return this.#lastSequence;
  }

  /** Written through to the disk. The records must follow on what the file holds. */
  async append(records: readonly LedgerRecord[]): Promise<void> {
    if (records.length === 0) return;
    const before = await this.lastSequence();
    // Unknown until it is done: after a failure the file is looked at again.
    this.#lastSequence = undefined;
    const file = await open(this.#file, "a", 0o600);
    try {
      await file.appendFile(records.map((record) => `${encodeRecord(record)}\n`).join(""));
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#lastSequence = before + records.length;
  }

  /** The lines behind `after`, as they are. */
  async *lines(after: number): AsyncGenerator<{ sequence: number; text: string }, void, undefined> {
    if ((await this.lastSequence()) <= after) return;
    const input = createReadStream(this.#file, "utf8");
    try {
      let sequence = 0;
      for await (const text of createInterface({ input })) {
        sequence += 1;
        if (sequence > after) yield { sequence, text };
      }
    } finally {
      input.destroy();
    }
  }

  async #prepare(): Promise<number> {
    await mkdir(dirname(this.#file), { recursive: true });
    const size = await stat(this.#file).then(
      (found) => found.size,
      () => 0,
    );
    if (size === 0) return 0;
    let lines = 0;
    let whole = 0;
    let at = 0;
    for await (const chunk of createReadStream(this.#file) as AsyncIterable<Buffer>) {
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, end + 1)) {
        lines += 1;
        whole = at + end + 1;
      }
      at += chunk.length;
    }
    if (whole < size) await truncate(this.#file, whole);
    return lines;
  }
}
