// Streams the records of a data file, whatever wrote it. Ids are unique in a file; nothing else is held.
import { stat } from "node:fs/promises";
import { FailedPreconditionError } from "@chimera/kernel";
import { BadRowError, parseJson, type RowPlace } from "./bad-row.ts";
import { fromCsv } from "./import/csv.ts";
import { fromInspect } from "./import/inspect.ts";
import { fromJsonl } from "./import/jsonl.ts";
import { fromLmEval } from "./import/lm-eval.ts";
import { fromPromptfoo } from "./import/promptfoo.ts";
import { openDataFile, readLines } from "./lines.ts";
import { type DatasetRecord, isObject } from "./record.ts";
import { SeenIds } from "./seen-ids.ts";

export const FORMATS = ["jsonl", "csv", "inspect", "lm-eval", "promptfoo"] as const;
export type DatasetFormat = (typeof FORMATS)[number];

/** YAML is read as a whole. */
const MAX_YAML_BYTES = 32 * 1024 * 1024;

/** By the end of the name; logs of other tools have to be named, they end in .jsonl as ours do. */
export function formatOf(file: string): DatasetFormat {
  if (file.endsWith(".csv")) return "csv";
  return /\.(ya?ml|json)$/.test(file) ? "promptfoo" : "jsonl";
}

/** As formatOf, but a file of lines is looked into: the first one tells Inspect and lm-eval from our own. */
export async function sniffedFormat(file: string): Promise<DatasetFormat> {
  const format = formatOf(file);
  if (format !== "jsonl") return format;
  for await (const line of readLines(file)) return formatOfRow(parseJson(line.text, line));
  return format;
}

function formatOfRow(row: unknown): DatasetFormat {
  if (!isObject(row)) return "jsonl";
  if (isObject(row.doc)) return "lm-eval";
  const isSample = Array.isArray(row.input) || Array.isArray(row.choices) || row.id === undefined;
  return isSample && row.target !== undefined ? "inspect" : "jsonl";
}

/** Throws NotFoundError, or BadRowError with line and field. */
export async function* readRecords(
  file: string,
  format: DatasetFormat = formatOf(file),
): AsyncGenerator<DatasetRecord, void, undefined> {
  const seen = new SeenIds();
  let row = 0;
  for await (const { record, place } of placed(file, format)) {
    row += 1;
    if (!seen.add(record.id)) {
      const where = place ?? { file, line: row };
      throw new BadRowError(where, { field: "id", problem: `"${record.id}" is in an earlier row already` });
    }
    yield record;
  }
}

interface Placed {
  record: DatasetRecord;
  place?: RowPlace;
}

async function* placed(file: string, format: DatasetFormat): AsyncGenerator<Placed, void, undefined> {
  if (format === "csv") for await (const record of fromCsv(file)) yield { record };
  else if (format === "promptfoo") for (const record of fromPromptfoo(await readWhole(file), file)) yield { record };
  else {
    const parse = { jsonl: fromJsonl, inspect: fromInspect, "lm-eval": fromLmEval }[format];
    for await (const line of readLines(file)) yield { record: parse(line.text, line), place: line };
  }
}

async function readWhole(file: string): Promise<string> {
  await using handle = await openDataFile(file);
  const { size } = await stat(file);
  if (size > MAX_YAML_BYTES) throw new FailedPreconditionError(`${file} is larger than ${MAX_YAML_BYTES} bytes`);
  return await handle.readFile("utf8");
}
