// Tests of promptfoo (YAML or JSON): a list of {vars, assert}, or a configuration whose `tests` is one. Asserts of equality give
// the accepted answers; others can not be read as one and are refused by name.
import { LineCounter, parseDocument } from "yaml";
import { BadRowError, type RowPlace, wholeRow } from "../bad-row.ts";
import { type DatasetRecord, isObject, textOf, toRecord } from "../record.ts";

/** References in YAML can make a small file enormous (the billion laughs). */
const MAX_ALIASES = 100;

/** The question is the variable of this name, or the only one there is. */
const QUESTION_VARIABLES = ["input", "question", "prompt", "query", "text"];

export function* fromPromptfoo(text: string, file: string): Generator<DatasetRecord, void, undefined> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const [error] = document.errors;
  if (error !== undefined) throw wholeRow({ file, line: error.linePos?.[0].line ?? 1 }, "not YAML or JSON");
  const whole: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
  const tests = isObject(whole) ? whole.tests : whole;
  if (!Array.isArray(tests)) throw wholeRow({ file, line: 1 }, "neither a list of tests nor a configuration with one");
  for (const [i, test] of tests.entries()) {
    const node = document.getIn(isObject(whole) ? ["tests", i] : [i], true);
    const range = isObject(node) && Array.isArray(node.range) ? node.range : [0];
    yield fromTest(test, { file, line: counter.linePos(Number(range[0])).line }, i);
  }
}

function fromTest(test: unknown, place: RowPlace, index: number): DatasetRecord {
  if (!isObject(test) || !isObject(test.vars)) throw new BadRowError(place, { field: "vars", problem: "missing" });
  const metadata = isObject(test.metadata) ? test.metadata : {};
  return toRecord(
    {
      id: textOf(metadata.id ?? `test-${index + 1}`),
      input: textOf(questionOf(test.vars, place)),
      targets: targetsOf(test.assert, place),
      ...(metadata.cluster === undefined ? {} : { cluster: textOf(metadata.cluster) }),
      metadata: {
        ...metadata,
        vars: test.vars,
        ...(test.description === undefined ? {} : { description: test.description }),
      },
    },
    place,
  );
}

function questionOf(vars: Record<string, unknown>, place: RowPlace): unknown {
  const name = QUESTION_VARIABLES.find((each) => Object.hasOwn(vars, each)) ?? Object.keys(vars)[0];
  if (name !== undefined && (QUESTION_VARIABLES.includes(name) || Object.keys(vars).length === 1)) return vars[name];
  throw new BadRowError(place, { field: "vars", problem: `one variable, or one of ${QUESTION_VARIABLES.join(", ")}` });
}

function targetsOf(asserts: unknown, place: RowPlace): unknown[] {
  const found = (Array.isArray(asserts) ? asserts : []).filter(isObject).map((each, i) => {
    if (each.type === "equals") return textOf(each.value);
    const problem = `only equals can be read as a target, not ${String(each.type)}`;
    throw new BadRowError(place, { field: `assert.${i}.type`, problem });
  });
  if (found.length === 0) throw new BadRowError(place, { field: "assert", problem: "no assert of equality" });
  return found;
}
