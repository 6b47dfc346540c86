// A SQLite file that can not be read any more: put aside, for whoever wants to look at it, so that a new one can be begun.
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync } from "node:fs";

/** Primary codes of SQLite: "database disk image is malformed" and "file is not a database". */
const CORRUPT = 11;
const NOT_A_DATABASE = 26;
const SQLITE_HEADER = Buffer.from("SQLite format 3\0");

export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
  return code === CORRUPT || code === NOT_A_DATABASE;
}

/** Whether the file began its life as a SQLite file. Anything else was named by mistake, and somebody may need it. */
export function wasDatabase(path: string): boolean {
  const start = Buffer.alloc(SQLITE_HEADER.byteLength);
  const file = openSync(path, "r");
  try {
    readSync(file, start, 0, start.byteLength, 0);
  } finally {
    closeSync(file);
  }
  // A write that was torn by a power cut leaves zeros.
  return start.equals(SQLITE_HEADER) || start.every((byte) => byte === 0);
}

/** Keeps one copy, the newest. Returns its path. */
export function putAside(path: string): string {
  const aside = `${path}.damaged`;
  renameSync(path, aside);
  // The log of writes belongs to the file it was written for; a new file must not find it.
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${aside}-wal`);
  else rmSync(`${aside}-wal`, { force: true });
  rmSync(`${path}-shm`, { force: true });
  return aside;
}
