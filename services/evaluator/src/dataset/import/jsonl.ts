// Our own rows, one JSON object a line, and what they are written as. Names that other tools use for the same thing are
// understood: ideal, expected, cluster_id, output.
import { parseJson, type RowPlace, wholeRow } from "../bad-row.ts";
import { type DatasetRecord, isObject, textOf, textsOf, toRecord } from "../record.ts";

export function fromJsonl(text: string, place: RowPlace): DatasetRecord {
  return fromObject(parseJson(text, place), place);
}

export function fromObject(row: unknown, place: RowPlace): DatasetRecord {
  if (!isObject(row)) throw wholeRow(place, "not a JSON object");
  const { id, input, tenant, split, source, weight, metadata, probabilities } = row;
  const targets = textsOf(row.targets ?? row.target ?? row.ideal ?? row.expected);
  const raw = {
    id: textOf(id),
    input,
    targets,
    tenant,
    cluster: textOf(row.cluster ?? row.cluster_id),
    split,
    source,
    weight,
    metadata,
    answer: textOf(row.answer ?? row.output),
    probabilities,
  };
  return toRecord(
    Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined && value !== null)),
    place,
  );
}

/** One line, without its end. Reading it gives the same record. */
export function toJsonl({ targets, ...rest }: DatasetRecord): string {
  return JSON.stringify({ ...rest, ...(targets.length === 1 ? { target: targets[0] } : { targets }) });
}
