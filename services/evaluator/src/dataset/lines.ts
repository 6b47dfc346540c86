// Lines of a file, streamed, each of bounded length: a file without line ends must not fill the memory.
import { type FileHandle, open } from "node:fs/promises";
import { NotFoundError } from "@chimera/kernel";
import { type RowPlace, wholeRow } from "./bad-row.ts";

const CHUNK_BYTES = 64 * 1024;
const MAX_LINE_CHARACTERS = 4 * 1024 * 1024;

export interface Line extends RowPlace {
  text: string;
}

/** Every line that is not blank. Throws NotFoundError where the file can not be opened, BadRowError for a line above 4 Mi characters. */
export async function* readLines(file: string): AsyncGenerator<Line, void, undefined> {
  await using handle = await openDataFile(file);
  let rest = "";
  let line = 0;
  for await (const chunk of handle.createReadStream({
    encoding: "utf8",
    highWaterMark: CHUNK_BYTES,
    autoClose: false,
  })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      line += 1;
      if (text.trim() !== "") yield { file, line, text };
    }
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw wholeRow({ file, line: line + 1 }, `longer than ${MAX_LINE_CHARACTERS} characters`);
    }
  }
  if (rest.trim() !== "") yield { file, line: line + 1, text: rest };
}

/** Throws NotFoundError. */
export function openDataFile(file: string): Promise<FileHandle> {
  return open(file).catch((cause: unknown) => {
    throw new NotFoundError(`data set file ${file} can not be opened: ${reason(cause)}`, "dataset");
  });
}

function reason(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason";
}
