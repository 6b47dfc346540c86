// CSV with a header line: the columns of our own rows, others go into the metadata.
import { type CsvError, parse } from "csv-parse";
import { type RowPlace, wholeRow } from "../bad-row.ts";
import { openDataFile } from "../lines.ts";
import type { DatasetRecord } from "../record.ts";
import { fromObject } from "./jsonl.ts";

const MAX_ROW_CHARACTERS = 4 * 1024 * 1024;
const COLUMNS = new Set([
  ...["id", "input", "target", "ideal", "expected", "tenant", "cluster", "cluster_id", "split", "source", "weight"],
  ...["answer", "output"],
]);

interface Parsed {
  record: Record<string, string>;
  info: { lines: number };
}

/** Empty cells are as if the column were not there. */
export async function* fromCsv(file: string): AsyncGenerator<DatasetRecord, void, undefined> {
  await using handle = await openDataFile(file);
  const rows = handle
    .createReadStream({ encoding: "utf8", autoClose: false })
    .pipe(parse({ columns: true, bom: true, info: true, skip_empty_lines: true, max_record_size: MAX_ROW_CHARACTERS }));
  // A row may span lines: the parser says where it ended, so the next one begins a line later.
  let line = 2;
  try {
    for await (const { record, info } of rows as AsyncIterable<Parsed>) {
      yield fromRow(record, { file, line });
      line = info.lines + 1;
    }
  } catch (error) {
    if (isCsvError(error)) throw wholeRow({ file, line }, `not CSV: ${error.code}`);
    throw error;
  }
}

function fromRow(row: Record<string, string>, place: RowPlace): DatasetRecord {
  const cells = Object.entries(row).filter(([, cell]) => cell !== "");
  const own = Object.fromEntries(cells.filter(([column]) => COLUMNS.has(column)));
  const metadata = Object.fromEntries(cells.filter(([column]) => !COLUMNS.has(column)));
  const weight = own.weight === undefined ? {} : { weight: Number(own.weight) };
  return fromObject({ ...own, ...weight, metadata }, place);
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("CSV_");
}
