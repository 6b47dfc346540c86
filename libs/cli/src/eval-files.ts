// What a run leaves on disk: items as they come, the result as JSON and as a page.
import { once } from "node:events";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type ItemResult, ItemResultSchema } from "@chimera/contracts/evaluator";

/** Zeros and empty texts are written too: a program should find every field. */
const WHOLE = { alwaysEmitImplicit: true };

export interface ItemFile {
  /** Resolves when there is room for more. */
  write(item: ItemResult): Promise<void>;
  close(): Promise<void>;
}

/** One JSON object a line. Rejects where the file can not be written. */
export async function openItemFile(path: string, cwd: string): Promise<ItemFile> {
  const file = resolve(cwd, path);
  mkdirSync(dirname(file), { recursive: true });
  const stream = createWriteStream(file);
  await once(stream, "open");
  return {
    async write(item) {
      if (!stream.write(`${JSON.stringify(toJson(ItemResultSchema, item, WHOLE))}\n`)) await once(stream, "drain");
    },
    async close() {
      stream.end();
      await once(stream, "close");
    },
  };
}

export function writeText(path: string, cwd: string, text: string): string {
  const file = resolve(cwd, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

export function jsonText<S extends DescMessage>(schema: S, message: MessageShape<S>): string {
  return `${JSON.stringify(toJson(schema, message, WHOLE), null, 2)}\n`;
}
