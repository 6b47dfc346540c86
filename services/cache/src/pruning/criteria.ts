// What a prune may take out.
import type { EntryFacts } from "../index/entry.ts";

export interface PruneCriteria {
  /** Take out until this many bytes are left. */
  targetBytes?: number | undefined;
  /** Only what was not served for so long. */
  unusedForMs?: number | undefined;
  /** Only what was never served. */
  neverHit: boolean;
  /** Empty: all. */
  tenant: string;
  model: string;
  tag: string;
}

export function fitsCriteria(criteria: PruneCriteria, entry: EntryFacts, nowMs: number): boolean {
  const { unusedForMs, neverHit, tenant, model, tag } = criteria;
  return (
    (unusedForMs === undefined || nowMs - entry.lastUsedMs >= unusedForMs) &&
    (!neverHit || entry.hits === 0) &&
    (tenant === "" || entry.tenant === tenant) &&
    (model === "" || entry.model === model) &&
    (tag === "" || entry.tags.includes(tag))
  );
}

/** Of the capacity, where nothing is asked for. */
const DEFAULT_FILL = 0.9;

/** Bytes to take out; everything that fits where only what fits was named. */
export function bytesToRemove(criteria: PruneCriteria, held: { bytes: number; capacityBytes: number }): number {
  const { targetBytes, unusedForMs, neverHit, tenant, model, tag } = criteria;
  const isNarrowed = unusedForMs !== undefined || neverHit || tenant !== "" || model !== "" || tag !== "";
  if (targetBytes === undefined && isNarrowed) return Number.POSITIVE_INFINITY;
  return Math.max(0, held.bytes - (targetBytes ?? Math.floor(held.capacityBytes * DEFAULT_FILL)));
}
