// One kept state as a file: its name says what it belongs to and what its bytes must hash to, its head which tokens it holds.
// So a file needs no second one beside it, and one rename makes it valid.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

export interface StateFileName {
  /** See stateKey(). */
  key: string;
  /** SHA-256 of the bytes. */
  checksum: string;
}

const NAME = /^([0-9a-f]{64})\.([0-9a-f]{64})\.kv$/;

export function formatStateFileName({ key, checksum }: StateFileName): string {
  return `${key}.${checksum}.kv`;
}

/** Undefined where a file of that name is none of ours. */
export function parseStateFileName(name: string): StateFileName | undefined {
  const [, key, checksum] = NAME.exec(name) ?? [];
  return key !== undefined && checksum !== undefined ? { key, checksum } : undefined;
}

/** "ggsq", the mark of a llama.cpp sequence state; then a version, the number of tokens, the tokens, the state itself. */
const MAGIC = 0x67677371;
const HEAD_BYTES = 12;
const TOKEN_BYTES = 4;

/** The tokens whose state the file holds. Undefined where it is no state file, is cut short, or holds more than `maxTokens`. */
export async function readStateTokens(path: string, maxTokens: number): Promise<number[] | undefined> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    if (bytesRead < HEAD_BYTES || head.readUInt32LE(0) !== MAGIC) return undefined;
    const count = head.readUInt32LE(8);
    if (count > maxTokens) return undefined;
    const body = Buffer.alloc(count * TOKEN_BYTES);
    const read = await file.read(body, 0, body.length, HEAD_BYTES);
    if (read.bytesRead < body.length) return undefined;
    return Array.from({ length: count }, (_, index) => body.readInt32LE(index * TOKEN_BYTES));
  } finally {
    await file.close();
  }
}

export async function checksumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
