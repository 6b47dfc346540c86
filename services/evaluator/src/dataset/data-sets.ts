// The data sets of this evaluator: the support tickets that ship with the mesh, and those of one folder. A file there is read when it
// is first asked for, and again when it has changed.
import { stat } from "node:fs/promises";
import { FailedPreconditionError } from "@chimera/kernel";
import { ticketsPath } from "@chimera/tickets";
import { BoundedMap } from "../feedback/bounded-map.ts";
import { datasetFile, type Split, type SplitName } from "./catalogue.ts";
import { type Item, itemOf } from "./item.ts";
import { type LoadedItems, limited, loadItems, MAX_ITEMS } from "./load.ts";
import { readRecords, sniffedFormat } from "./read.ts";
import type { DatasetRecord } from "./record.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { assignSplitsInTurns } from "./split.ts";

/** Files whose items are kept in memory, the latest asked for. */
const MAX_KNOWN = 2;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

interface KnownFile {
  /** Of the file as it was read. */
  version: string;
  splits: ReadonlyMap<string, readonly Item[]>;
  shape: Shape;
}

export class DataSets {
  readonly #directory: string | undefined;
  readonly #known = new BoundedMap<string, Promise<KnownFile>>(MAX_KNOWN);

  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /**
   * The first `limit` items of a split by hash; 0 is all. Throws NotFoundError for an unknown data set, BadRowError for a row
   * that can not be used, FailedPreconditionError where the split is empty.
   */
  async load(name: SplitName, limit = 0): Promise<LoadedItems> {
    if (name.dataset === "tickets") return loadItems(ticketsPath(name.split), limit);
    const { path, isSplit } = await datasetFile(name, this.#directory);
    if (isSplit) return loadItems(path, limit);
    const { splits, shape } = await this.#file(path);
    const items = splits.get(name.split) ?? [];
    if (items.length === 0) throw new FailedPreconditionError(emptySplit(path, name.split, splits));
    return limited(items, { limit, shape });
  }

  async #file(path: string): Promise<KnownFile> {
    const { size, mtimeMs } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new FailedPreconditionError(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
    const version = `${size} ${mtimeMs}`;
    const known = await this.#known.get(path)?.catch(() => undefined);
    if (known?.version === version) return known;
    const reading = readFile(path, version);
    this.#known.set(path, reading);
    return reading;
  }
}

async function readFile(path: string, version: string): Promise<KnownFile> {
  const records: DatasetRecord[] = [];
  for await (const record of readRecords(path, await sniffedFormat(path))) {
    if (records.length === MAX_ITEMS) throw new FailedPreconditionError(`${path} has more than ${MAX_ITEMS} items`);
    records.push(record);
  }
  if (records.length === 0) throw new FailedPreconditionError(`${path} has no items`);
  const assigned = await assignSplitsInTurns(records);
  const placed = assigned.map((record) => ({ split: record.split ?? "", item: itemOf(record) }));
  const splits = new Map(
    [...Map.groupBy(placed, ({ split }) => split)].map(([split, of]) => [split, of.map(({ item }) => item)]),
  );
  return { version, splits, shape: shapeOf(placed.map(({ item }) => item)) };
}

function emptySplit(path: string, split: Split, splits: KnownFile["splits"]): string {
  const others = [...splits].map(([name, items]) => `${name} ${items.length}`).sort();
  return `${path} has no items in its ${split} split: ${others.join(", ")}. A "split" field in each row decides; without one it is drawn by cluster`;
}
