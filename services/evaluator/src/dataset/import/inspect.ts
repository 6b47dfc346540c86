// Samples of Inspect (JSONL): input as text or as chat messages, target as text or list, id, metadata, choices.
import { parseJson, type RowPlace, wholeRow } from "../bad-row.ts";
import { type DatasetRecord, isObject, textOf, textsOf, toRecord } from "../record.ts";

export function fromInspect(text: string, place: RowPlace): DatasetRecord {
  const row = parseJson(text, place);
  if (!isObject(row)) throw wholeRow(place, "not a JSON object");
  const metadata = isObject(row.metadata) ? row.metadata : {};
  return toRecord(
    {
      // Inspect numbers samples that have no id from 1, in order.
      id: textOf(row.id ?? place.line),
      input: withChoices(inputOf(row.input), row.choices),
      targets: textsOf(row.target),
      ...(metadata.cluster === undefined ? {} : { cluster: textOf(metadata.cluster) }),
      metadata,
    },
    place,
  );
}

/** Messages of a chat become one text, each line led by its role where there are several. */
function inputOf(input: unknown): unknown {
  if (!Array.isArray(input)) return input;
  const messages = input.filter(isObject);
  if (messages.length === 1) return messages[0]?.content;
  return messages.map(({ role, content }) => `${textOf(role)}: ${textOf(content)}`).join("\n");
}

/** Lettered as Inspect letters them: targets are letters then. */
function withChoices(input: unknown, choices: unknown): unknown {
  if (!Array.isArray(choices) || typeof input !== "string") return input;
  const lines = choices.map((choice, i) => `${String.fromCharCode(65 + i)}) ${textOf(choice)}`);
  return [input, ...lines].join("\n");
}
