// What a judge said. Only its last line counts, and only in the form it was asked for: a grade that is quoted from the judged
// text on the way there is no grade.

export type Verdict = "first" | "second" | "tie";

/** Undefined where the last line is no grade between 1 and `best`. */
export function parseGrade(reply: string, best: number): number | undefined {
  const digits = /^\s*(?:\*\*)?SCORE:(?:\*\*)?\s*(\d{1,4})\s*(?:\*\*)?\.?\s*$/i.exec(lastLine(reply))?.[1];
  const grade = Number(digits ?? Number.NaN);
  return grade >= 1 && grade <= best ? grade : undefined;
}

const VERDICTS: Readonly<Record<string, Verdict>> = { A: "first", B: "second", TIE: "tie" };

/** Undefined where the last line is no verdict. */
export function parseVerdict(reply: string): Verdict | undefined {
  const word = /^\s*(?:\*\*)?VERDICT:(?:\*\*)?\s*(A|B|TIE)\s*(?:\*\*)?\.?\s*$/i.exec(lastLine(reply))?.[1];
  return word === undefined ? undefined : VERDICTS[word.toUpperCase()];
}

function lastLine(reply: string): string {
  return reply.trimEnd().split("\n").at(-1) ?? "";
}
