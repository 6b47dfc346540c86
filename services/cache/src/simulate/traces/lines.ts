// Lines of a text file, gzipped or not, one at a time.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { InvalidRequestError } from "@chimera/kernel";

/** No trace has longer ones; without a bound, a file without line ends would be read into memory whole. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b];

export interface Line {
  text: string;
  /** From 1. */
  number: number;
}

/** Without empty lines. Errors of the file system go through. */
export async function* readLines(path: string): AsyncGenerator<Line, void, void> {
  const isZipped = await isGzip(path);
  const file = createReadStream(path);
  if (!isZipped) return yield* splitLines(file.setEncoding("utf8"), path);
  const text = createGunzip().setEncoding("utf8");
  // The reader of the text learns of an error of the file, and the file of a reader that leaves.
  pipeline(file, text).catch(() => {});
  yield* splitLines(text, path);
}

async function* splitLines(chunks: AsyncIterable<string>, path: string): AsyncGenerator<Line, void, void> {
  let number = 0;
  let rest = "";
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      number += 1;
      if (text.trim() !== "") yield { text, number };
    }
    if (rest.length > MAX_LINE_CHARACTERS) {
      const description = `is longer than ${MAX_LINE_CHARACTERS} characters: a trace has one request a line`;
      throw new InvalidRequestError([{ field: `${path}:${number + 1}`, description }]);
    }
  }
  if (rest.trim() !== "") yield { text: rest, number: number + 1 };
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return GZIP_MAGIC.every((byte, at) => buffer[at] === byte);
  } finally {
    await file.close();
  }
}
