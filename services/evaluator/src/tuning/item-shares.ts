// Which validation items serve which decision of a tuning run: none serves two, nor does its cluster.
import { FailedPreconditionError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";
import { clusterOf } from "../run/plan.ts";

export interface ItemShares {
  /** Every trial is scored on these. */
  readonly search: readonly Item[];
  /** Finalists are told apart by these. */
  readonly final: readonly Item[];
  /** Nothing is chosen by these: the winner is measured anew, and its small changes. */
  readonly fresh: readonly Item[];
}

/** Fewer tell nothing of a gain of some points. */
const MIN_FRESH = 20;
/** Fresh items at most, times those of a trial, but no fewer than the floor where there are as many. */
const FRESH_FLOOR = 100;

/** Throws FailedPreconditionError where there are too few for all three. */
export function shareOut(items: readonly Item[], itemsPerTrial: number): ItemShares {
  const byCluster = [...Map.groupBy(items, clusterOf).values()];
  const takeUpTo = (most: number): Item[] => {
    const taken: Item[] = [];
    while (taken.length < most && byCluster.length > 0) taken.push(...(byCluster.shift() ?? []));
    // Of a cluster that is too large the rest is left out: on another side it would be no fresh item.
    return taken.slice(0, most);
  };
  const fresh = takeUpTo(Math.min(Math.max(FRESH_FLOOR, itemsPerTrial), Math.floor(items.length / 4)));
  const search = takeUpTo(Math.min(itemsPerTrial, Math.floor(items.length / 2)));
  const final = takeUpTo(2 * itemsPerTrial);
  if (fresh.length >= MIN_FRESH && search.length > 0) return { search, final, fresh };
  throw new FailedPreconditionError(
    `the validation split has ${items.length} items in clusters too large to set ${MIN_FRESH} fresh ones apart; add items`,
  );
}
