// The end of a log file, for errors that must show why a process died.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const MAX_TAIL_BYTES = 16 * 1024;

/** At most the last `lines` lines; empty where there is no such file. */
export function tail(path: string, lines = 12): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(fd);
    const length = Math.min(size, MAX_TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    readSync(fd, buffer, 0, length, size - length);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } finally {
    closeSync(fd);
  }
}
