// Which solved examples stand before an item. They come from a pool that nobody is scored on; whatever is the item itself, its
// text or its near duplicate is never among them.
import { FailedPreconditionError } from "@chimera/kernel";
import { mostSimilar, type WordWeights, wordWeights } from "@chimera/tickets";
import type { Item } from "../dataset/item.ts";

export const SELECTIONS = ["fixed", "similar", "diverse"] as const;
export type Selection = (typeof SELECTIONS)[number];

export interface Shot {
  input: string;
  target: string;
}

interface Candidate extends Shot {
  text: string;
  tenant: string;
  cluster?: string | undefined;
  hash: string;
}

export interface ShotOptions {
  count: number;
  selection: Selection;
}

/** Near duplicates are removed by cluster; this many more are looked at, so that enough are left. */
const SPARE = 8;

/** Solved examples, by tenant. An item sees those of its own tenant where there are any. */
export class ShotPool {
  readonly #all: readonly Candidate[];
  readonly #byTenant: ReadonlyMap<string, readonly Candidate[]>;
  readonly #weights: WordWeights;

  constructor(items: readonly Item[]) {
    this.#all = items.map((item) => ({ ...item, text: item.input }));
    this.#byTenant = Map.groupBy(this.#all, ({ tenant }) => tenant);
    this.#weights = wordWeights(this.#all.map(({ text }) => text));
  }

  get targets(): readonly string[] {
    return [...new Set(this.#all.map(({ target }) => target))].sort();
  }

  /** Throws FailedPreconditionError where an item that is to be scored is in the pool. */
  assertApart(items: readonly Item[]): void {
    const hashes = new Set(this.#all.map(({ hash }) => hash));
    const leaked = items.find(({ hash }) => hashes.has(hash));
    if (leaked === undefined) return;
    throw new FailedPreconditionError(
      `item "${leaked.id}" is also among the examples: its answer would stand in prompts`,
    );
  }

  /** The most telling one last, next to the question. Fewer than asked for where the pool is smaller. */
  choose(item: Item, { count, selection }: ShotOptions): Shot[] {
    if (count === 0) return [];
    const own = this.#byTenant.get(item.tenant) ?? [];
    const pool = (own.length > 0 ? own : this.#all).filter((each) => !isLike(each, item));
    if (selection === "fixed") return pool.slice(0, count);
    const wanted = selection === "similar" ? count : count * 2 + SPARE;
    const ranked = mostSimilar(item.input, pool, { count: wanted, weights: this.#weights });
    return selection === "similar" ? ranked : diverse(ranked, count);
  }
}

/** Of the similar ones the best of each target first, so that no single answer is suggested; order of similarity is kept. */
function diverse(ranked: readonly Candidate[], count: number): Candidate[] {
  const chosen = new Set<Candidate>();
  const seen = new Set<string>();
  const best = ranked.toReversed();
  for (const each of best) {
    if (chosen.size === count) break;
    if (seen.has(each.target)) continue;
    seen.add(each.target);
    chosen.add(each);
  }
  for (const each of best) {
    if (chosen.size === count) break;
    chosen.add(each);
  }
  return ranked.filter((each) => chosen.has(each));
}

function isLike(candidate: Candidate, item: Item): boolean {
  return (
    candidate.hash === item.hash ||
    candidate.input === item.input ||
    (item.cluster !== undefined && candidate.cluster === item.cluster)
  );
}
