// Sample logs of lm-evaluation-harness (--log_samples, JSONL): doc, target, filtered_resps. They hold answers already.
import { parseJson, type RowPlace, wholeRow } from "../bad-row.ts";
import { type DatasetRecord, isObject, textOf, textsOf, toRecord } from "../record.ts";

/** Fields of `doc` that hold the question, the first one found; tasks name them as they like. */
const QUESTION_FIELDS = ["question", "input", "query", "prompt", "text", "sentence", "ctx"];

export function fromLmEval(text: string, place: RowPlace): DatasetRecord {
  const row = parseJson(text, place);
  if (!isObject(row)) throw wholeRow(place, "not a JSON object");
  const doc = isObject(row.doc) ? row.doc : {};
  return toRecord(
    {
      id: textOf(row.doc_id ?? place.line - 1),
      input: questionOf(doc, row.arguments),
      targets: textsOf(row.target),
      answer: textOf(firstText(row.filtered_resps)),
      metadata: { doc },
    },
    place,
  );
}

/** What was asked in fact where the log has it, else the question of the document. */
function questionOf(doc: Record<string, unknown>, asked: unknown): unknown {
  const prompt = firstText(
    isObject(asked) ? Object.values(asked).map((each) => (isObject(each) ? each.arg_0 : each)) : asked,
  );
  if (typeof prompt === "string" && prompt !== "") return prompt;
  return QUESTION_FIELDS.map((field) => doc[field]).find((value) => typeof value === "string");
}

/** Answers are nested in lists as deep as the task's filters made them. */
function firstText(value: unknown): unknown {
  return Array.isArray(value) ? firstText(value[0]) : value;
}
