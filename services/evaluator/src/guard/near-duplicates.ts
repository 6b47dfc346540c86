// Texts that are nearly the same: a few-shot example that is also asked as a question gives its answer away. Alike is
// measured as the Jaccard similarity of word triples (Broder 1997).
import { FailedPreconditionError } from "@chimera/kernel";

/** Similarity from which two texts count as one. */
export const NEAR_DUPLICATE = 0.7;
/** Texts on each side. */
const MAX_TEXTS = 100_000;
/** A triple that more texts share is boilerplate: it names no candidate, though it still counts as shared. */
const MAX_HOLDERS = 200;
const WORDS = 3;

export interface Identified {
  readonly id: string;
  readonly text: string;
}

export interface NearDuplicate {
  readonly left: string;
  readonly right: string;
  readonly similarity: number;
}

/** Every pair across both sides, the same text included; an id on both sides is a pair as well. */
export function nearDuplicates(
  left: readonly Identified[],
  right: readonly Identified[],
  threshold = NEAR_DUPLICATE,
): NearDuplicate[] {
  if (Math.max(left.length, right.length) > MAX_TEXTS) {
    throw new FailedPreconditionError(`near-duplicates are looked for among at most ${MAX_TEXTS} texts`);
  }
  const triples = left.map(({ text }) => triplesOf(text));
  const holders = holdersOf(triples);
  const byId = new Map(left.map(({ id }, index) => [id, index]));
  return right.flatMap((each) => {
    const own = triplesOf(each.text);
    const candidates = candidatesOf(own, holders);
    const sameId = byId.get(each.id);
    if (sameId !== undefined) candidates.add(sameId);
    return [...candidates].flatMap((index) => {
      const similarity = index === sameId ? 1 : jaccard(own, triples[index] ?? new Set());
      return similarity >= threshold ? [{ left: left[index]?.id ?? "", right: each.id, similarity }] : [];
    });
  });
}

/** Shorter texts are one piece. */
function triplesOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length < WORDS) return new Set([words.join(" ")]);
  return new Set(words.slice(0, 1 - WORDS).map((_, at) => words.slice(at, at + WORDS).join(" ")));
}

function holdersOf(triples: readonly ReadonlySet<string>[]): Map<string, number[]> {
  const holders = new Map<string, number[]>();
  triples.forEach((own, index) => {
    for (const triple of own) {
      const known = holders.get(triple);
      if (known === undefined) holders.set(triple, [index]);
      else if (known.length <= MAX_HOLDERS) known.push(index);
    }
  });
  return holders;
}

function candidatesOf(own: ReadonlySet<string>, holders: ReadonlyMap<string, readonly number[]>): Set<number> {
  const candidates = new Set<number>();
  for (const triple of own) {
    const known = holders.get(triple) ?? [];
    if (known.length <= MAX_HOLDERS) for (const index of known) candidates.add(index);
  }
  return candidates;
}

function jaccard(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let shared = 0;
  for (const each of left) if (right.has(each)) shared += 1;
  return shared / (left.size + right.size - shared);
}
