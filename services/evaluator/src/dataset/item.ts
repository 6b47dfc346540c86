// One labelled item to ask, and how a row of a data file becomes one.
import { createHash } from "node:crypto";
import { z } from "zod";
import { parseJson, type RowPlace, schemaProblem } from "./bad-row.ts";
import type { DatasetRecord } from "./record.ts";

export interface Item {
  id: string;
  input: string;
  target: string;
  /** All accepted answers where there are several, `target` first. */
  accepted?: readonly string[] | undefined;
  tenant: string;
  /** Items with the same one are not independent of each other. */
  cluster?: string | undefined;
  // SHA-256 of the other fields but the cluster: the same content has the same hash in every file.
  hash: string;
}

// Unknown fields are left alone: a data set may carry more than is scored.
const rowSchema = z.object({
  id: z.string().min(1).max(128),
  input: z.string().min(1).max(100_000),
  target: z.string().min(1).max(10_000),
  tenant: z.string().min(1).max(64).default("default"),
  cluster: z.string().min(1).max(128).optional(),
});

/** Throws BadRowError, which names file, line and field. */
export function parseRow(text: string, place: RowPlace): Item {
  const parsed = rowSchema.safeParse(parseJson(text, place));
  if (!parsed.success) throw schemaProblem(parsed.error, place);
  return { ...parsed.data, hash: hashOf(parsed.data) };
}

/** The item of a record; where it belongs is not part of it. */
export function itemOf({ id, input, targets, tenant, cluster }: DatasetRecord): Item {
  const [target = ""] = targets;
  const accepted = targets.length > 1 ? targets : undefined;
  const item = { id, input, target, tenant, cluster, ...(accepted && { accepted }) };
  return { ...item, hash: hashOf(item) };
}

function hashOf({ id, input, target, tenant, accepted }: Omit<Item, "hash">): string {
  return createHash("sha256")
    .update(JSON.stringify([id, input, target, tenant, ...(accepted ? [accepted] : [])]))
    .digest("hex");
}
