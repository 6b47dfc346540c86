// Settings whose text holds more than one value: lists with commas, and tables in JSON.
import { z } from "zod";

/** Parts between commas, without blanks around them and without empty ones. */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** For a schema's transform(): what `parse` throws becomes the setting's own error. */
export function parsed<T>(parse: (text: string) => T): (text: string, context: z.RefinementCtx) => T {
  return (text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  };
}

export interface JsonForm<S extends z.ZodType> {
  schema: S;
  /** What is right, with an example. */
  remedy: string;
}

/** The text as JSON of that form; empty text is `{}`. Throws an Error that names the field and the remedy. */
export function parseJson<S extends z.ZodType>(text: string, { schema, remedy }: JsonForm<S>): z.output<S> {
  const result = schema.safeParse(json(text, remedy));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw settingProblem((issue?.path ?? []).map(String).join("."), issue?.message ?? "is not valid", remedy);
}

/** In the words of parseJson, for what a schema can not tell. */
export function settingProblem(path: string, what: string, remedy: string): Error {
  return new Error(`${path === "" ? "the text" : path}: ${what}. ${remedy}`);
}

function json(text: string, remedy: string): unknown {
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw settingProblem("", `is no JSON: ${error instanceof Error ? error.message : String(error)}`, remedy);
  }
}
