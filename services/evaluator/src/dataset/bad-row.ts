// A row of a data file that can not be used. It stops the load: a score over the rows that happened to be readable would be a
// different figure.
import { ChimeraError } from "@chimera/kernel";
import type { z } from "zod";

export interface RowPlace {
  file: string;
  // First line is 1.
  line: number;
}

export interface RowProblem {
  /** Path of the field; "the row" where it is the row as a whole. */
  field: string;
  problem: string;
}

export class BadRowError extends ChimeraError {
  override readonly name = "BadRowError";
  readonly file: string;
  readonly line: number;
  readonly field: string;

  constructor({ file, line }: RowPlace, { field, problem }: RowProblem) {
    const what = field === WHOLE_ROW ? problem : `${field}: ${problem}`;
    super("invalid-argument", `${file}, line ${line}: ${what}`, { violations: [{ field, description: problem }] });
    this.file = file;
    this.line = line;
    this.field = field;
  }
}

export const WHOLE_ROW = "the row";

/** Names the first field that does not fit. */
export function schemaProblem(error: z.ZodError, place: RowPlace): BadRowError {
  const issue = error.issues[0];
  const path = issue?.path.map(String).join(".");
  const problem = issue?.message ?? "can not be used";
  return path ? new BadRowError(place, { field: path, problem }) : wholeRow(place, `${WHOLE_ROW}: ${problem}`);
}

export function wholeRow(place: RowPlace, problem: string): BadRowError {
  return new BadRowError(place, { field: WHOLE_ROW, problem });
}

export function parseJson(text: string, place: RowPlace): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wholeRow(place, "not a JSON object");
  }
}
