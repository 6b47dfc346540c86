// One labelled item, and how a row of a data file becomes one. A bad row stops the load: a score over the rows that
// happened to be readable would be a different figure.
import { createHash } from "node:crypto";
import { FailedPreconditionError } from "@chimera/kernel";
import { z } from "zod";

export interface Item {
  id: string;
  input: string;
  target: string;
  tenant: string;
  // SHA-256 of the fields above: the same content has the same hash in every file.
  hash: string;
}

// Unknown fields are left alone: a data set may carry more than is scored.
const rowSchema = z.object({
  id: z.string().min(1).max(128),
  input: z.string().min(1).max(100_000),
  target: z.string().min(1).max(10_000),
  tenant: z.string().min(1).max(64).default("default"),
});

export interface RowPlace {
  file: string;
  // First line is 1.
  line: number;
}

/** Throws FailedPreconditionError that names file, line and field. */
export function parseRow(text: string, place: RowPlace): Item {
  const parsed = rowSchema.safeParse(parseJson(text, place));
  if (parsed.success) return { ...parsed.data, hash: hashOf(parsed.data) };
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".") || "the row";
  throw badRow(place, `${field}: ${issue?.message ?? "can not be used"}`);
}

export function badRow(place: RowPlace, problem: string): FailedPreconditionError {
  return new FailedPreconditionError(`${place.file}, line ${place.line}: ${problem}`);
}

function parseJson(text: string, place: RowPlace): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRow(place, "not a JSON object");
  }
}

function hashOf({ id, input, target, tenant }: Omit<Item, "hash">): string {
  return createHash("sha256")
    .update(JSON.stringify([id, input, target, tenant]))
    .digest("hex");
}
