// One row of a data set in full: what is asked, what is right, where it belongs and where it is from; and, in a file of recorded
// answers, what was answered. Formats of other tools are read into this one.
import { z } from "zod";
import { type RowPlace, schemaProblem } from "./bad-row.ts";

export const SPLIT_LABELS = ["train", "validation", "holdout", "vault"] as const;
export type SplitLabel = (typeof SPLIT_LABELS)[number];

const MAX_TARGETS = 64;
const MAX_LABELS = 1000;
/** Of all accepted answers of one row: it travels in one message. */
const MAX_TARGET_CHARACTERS = 100_000;

const recordSchema = z.object({
  id: z.string().min(1).max(128),
  input: z.string().min(1).max(100_000),
  /** Accepted answers; the first is the one to learn from. */
  targets: z
    .array(z.string().max(MAX_TARGET_CHARACTERS))
    .min(1)
    .max(MAX_TARGETS)
    .refine(isShortEnough, `at most ${MAX_TARGET_CHARACTERS} characters in all`),
  tenant: z.string().min(1).max(64).default("default"),
  /** Conversation, document or user: items with the same one are not independent and stay on one side of every split. */
  cluster: z.string().min(1).max(128).optional(),
  split: z.enum(SPLIT_LABELS).optional(),
  source: z.enum(["golden", "live-labelled", "synthetic", "unknown"]).default("unknown"),
  weight: z.number().positive().default(1),
  metadata: z.record(z.string().max(128), z.unknown()).default({}),
  answer: z.string().max(1_000_000).optional(),
  /** What the system believed, by label. */
  probabilities: z
    .record(z.string().max(128), z.number().min(0).max(1))
    .refine((row) => Object.keys(row).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`)
    .optional(),
});

function isShortEnough(targets: readonly string[]): boolean {
  return targets.reduce((sum, target) => sum + target.length, 0) <= MAX_TARGET_CHARACTERS;
}

export type DatasetRecord = Readonly<z.infer<typeof recordSchema>>;
/** A record before it is checked. `targets` may come as one text. */
export type RawRecord = { readonly [field in keyof DatasetRecord]?: unknown };

/** Throws BadRowError, which names file, line and field. */
export function toRecord(raw: RawRecord, place: RowPlace): DatasetRecord {
  const parsed = recordSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw schemaProblem(parsed.error, place);
}

/** Texts as they are, numbers and truth values as JSON writes them; what is more than that is left for the check to refuse. */
export function textOf(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

export function textsOf(value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
