// Loads one split of a data set from its JSONL file, in the order of the item hashes: the first k items are then a
// sample of the whole, and the same one on every run.
import { createHash } from "node:crypto";
import { FailedPreconditionError } from "@chimera/kernel";
import { BadRowError, wholeRow } from "./bad-row.ts";
import { type Item, parseRow } from "./item.ts";
import { readLines } from "./lines.ts";
import { type Shape, shapeOf } from "./shape.ts";

// A split is held in memory while it is played.
export const MAX_ITEMS = 100_000;

export interface LoadedItems {
  items: readonly Item[];
  // SHA-256 over the hashes of `items`, in order.
  hash: string;
  /** The same of the whole split, before the limit. */
  splitHash: string;
  /** Of the whole file. */
  shape: Shape;
}

/** Reads the file and keeps the first `limit` items by hash; 0 keeps all. */
export async function loadItems(file: string, limit: number): Promise<LoadedItems> {
  const all = await readItems(file);
  if (all.length === 0) throw new FailedPreconditionError(`${file} has no items`);
  return limited(all, { limit, shape: shapeOf(all) });
}

/** The first `limit` of a split by hash, all where it is 0. */
export function limited(split: readonly Item[], { limit, shape }: { limit: number; shape: Shape }): LoadedItems {
  const all = split.toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
  const items = limit === 0 ? all : all.slice(0, limit);
  return { items, hash: hashOf(items), splitHash: hashOf(all), shape };
}

function hashOf(items: readonly Item[]): string {
  const hash = createHash("sha256");
  for (const item of items) hash.update(item.hash);
  return hash.digest("hex");
}

async function readItems(file: string): Promise<Item[]> {
  const items: Item[] = [];
  const firstLineOf = new Map<string, number>();
  for await (const { text, ...place } of readLines(file)) {
    const item = parseRow(text, place);
    const earlier = firstLineOf.get(item.id);
    if (earlier !== undefined) {
      throw new BadRowError(place, { field: "id", problem: `"${item.id}" is already in line ${earlier}` });
    }
    if (items.length === MAX_ITEMS) throw wholeRow(place, `more than ${MAX_ITEMS} items`);
    firstLineOf.set(item.id, place.line);
    items.push(item);
  }
  return items;
}
