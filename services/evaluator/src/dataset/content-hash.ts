// What a set of records is, in one hash: the same records in any order have the same one. Every result names it.
import { createHash, hash } from "node:crypto";
import type { DatasetRecord } from "./record.ts";

const WORDS = 8;

/** Sum of the SHA-256 of each record, modulo 2^32 per word, hashed with their number. Flat in memory. */
export class ContentHash {
  readonly #sums = new Uint32Array(WORDS);
  #n = 0;

  add(record: DatasetRecord): void {
    // A text of 32 bytes costs half of what a buffer does.
    const digest = hash("sha256", canonical(record), "binary");
    for (let word = 0; word < WORDS; word++) {
      // A typed array wraps by itself.
      this.#sums[word] = (this.#sums[word] ?? 0) + wordAt(digest, 4 * word);
    }
    this.#n += 1;
  }

  digest(): string {
    return createHash("sha256").update(`${this.#n}:`).update(this.#sums).digest("hex");
  }
}

/** What is asked, what is right and what is not independent. Where a record came from and what was answered is not what it is. */
function canonical({ id, input, targets, tenant, cluster, weight }: DatasetRecord): string {
  return JSON.stringify([id, input, targets, tenant, cluster ?? null, weight]);
}

function wordAt(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}
