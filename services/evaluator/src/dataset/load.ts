// Loads one split of a data set from its JSONL file, in the order of the item hashes: the first k items are then a
// sample of the whole, and the same one on every run.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { FailedPreconditionError, NotFoundError } from "@chimera/kernel";
import { badRow, type Item, parseRow } from "./item.ts";

// A split is held in memory while it is played.
const MAX_ITEMS = 100_000;

export interface LoadedItems {
  items: readonly Item[];
  // SHA-256 over the hashes of `items`, in order.
  hash: string;
}

/** Reads the file and keeps the first `limit` items by hash; 0 keeps all. */
export async function loadItems(file: string, limit: number): Promise<LoadedItems> {
  const all = await readItems(file);
  if (all.length === 0) throw new FailedPreconditionError(`${file} has no items`);
  all.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const items = limit === 0 ? all : all.slice(0, limit);
  const hash = createHash("sha256");
  for (const item of items) hash.update(item.hash);
  return { items, hash: hash.digest("hex") };
}

async function readItems(file: string): Promise<Item[]> {
  const handle = await open(file).catch((cause: unknown) => {
    throw new NotFoundError(`data set file ${file} can not be opened: ${reason(cause)}`, "dataset");
  });
  await using _ = handle;
  const items: Item[] = [];
  const firstLineOf = new Map<string, number>();
  let line = 0;
  for await (const text of handle.readLines()) {
    line += 1;
    if (text.trim() === "") continue;
    const item = parseRow(text, { file, line });
    const earlier = firstLineOf.get(item.id);
    if (earlier !== undefined) throw badRow({ file, line }, `id: "${item.id}" is already in line ${earlier}`);
    if (items.length === MAX_ITEMS) throw badRow({ file, line }, `more than ${MAX_ITEMS} items`);
    firstLineOf.set(item.id, line);
    items.push(item);
  }
  return items;
}

function reason(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason";
}
