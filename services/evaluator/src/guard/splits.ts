// Which side an item is on: train for examples, validation for the search, holdout for the gate, vault for releases. The
// side follows from the hash of its group, so it is the same on every machine; what belongs together is one group.
import { createHash } from "node:crypto";
import { assert } from "@chimera/kernel";
import { type Identified, nearDuplicates } from "./near-duplicates.ts";

export const SIDES = ["train", "validation", "holdout", "vault"] as const;
export type Side = (typeof SIDES)[number];
export type Shares = Readonly<Record<Side, number>>;

export interface SplitItem extends Identified {
  /** Conversation, document or user; an item without one stands for itself. */
  readonly cluster?: string | undefined;
}

export interface SplitOptions {
  readonly shares: Shares;
  /** Another salt gives another split. */
  readonly salt: string;
  /** Sides given earlier: they stay, and whatever is grouped with one of them joins it. */
  readonly assigned?: ReadonlyMap<string, Side>;
}

/** Items of one cluster, and near-duplicates, are on the same side. */
export function assignSides(items: readonly SplitItem[], { shares, salt, assigned }: SplitOptions): Map<string, Side> {
  const total = SIDES.reduce((sum, side) => sum + shares[side], 0);
  assert(Math.abs(total - 1) < 1e-9, `shares of the sides add up to 1, got ${total}`);
  const groups = new Groups();
  for (const { id, cluster } of items)
    groups.join(`item ${id}`, cluster === undefined ? `item ${id}` : `cluster ${cluster}`);
  for (const { left, right } of nearDuplicates(items, items)) groups.join(`item ${left}`, `item ${right}`);
  const earlier = new Map<string, Side>();
  for (const { id } of items) {
    const side = assigned?.get(id);
    if (side !== undefined) earlier.set(groups.of(`item ${id}`), side);
  }
  return new Map(
    items.map(({ id }) => {
      const group = groups.of(`item ${id}`);
      return [id, assigned?.get(id) ?? earlier.get(group) ?? sideOf(group, { shares, salt })];
    }),
  );
}

/** Side of one group, from the first 48 bits of its salted SHA-256. */
function sideOf(group: string, { shares, salt }: Pick<SplitOptions, "shares" | "salt">): Side {
  const digest = createHash("sha256")
    .update(JSON.stringify([salt, group]))
    .digest();
  let left = digest.readUIntBE(0, 6) / 2 ** 48;
  for (const side of SIDES) {
    left -= shares[side];
    if (left < 0) return side;
  }
  return "train";
}

/** Disjoint sets. A group is named by its first member in order, so that the order of joining does not matter. */
class Groups {
  readonly #parents = new Map<string, string>();

  of(member: string): string {
    let root = member;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent;
    // Shortens the way for the next one.
    if (root !== member) this.#parents.set(member, root);
    return root;
  }

  join(left: string, right: string): void {
    const [a, b] = [this.of(left), this.of(right)];
    if (a === b) return;
    if (a < b) this.#parents.set(b, a);
    else this.#parents.set(a, b);
  }
}
