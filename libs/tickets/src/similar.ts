// Which solved tickets to show beside an open one: those that share its rarer words. What the model is trained on and
// measured with; a service may choose otherwise.

// "at" and "it" say nothing; the shortest made-up words have three letters.
const TELLING_WORD = /[a-z]{3}/;
// Keeps very short tickets from winning by one shared word.
const LENGTH_OFFSET = 5;

// Chosen on the validation split: the most similar ticket then always shares the made-up word.
export const RARITY_POWER = 6;

export type WordWeights = (word: string) => number;

/**
 * A power of the inverse document frequency ln((n + 1) / (df + 1)), high enough that the rarest shared word outweighs any
 * number of pleasantries. Count over many tenants: within one, its made-up words are as frequent as those.
 */
export function wordWeights(texts: readonly string[], power = RARITY_POWER): WordWeights {
  const holders = new Map<string, number>();
  for (const text of texts)
    for (const word of new Set(text.split(" "))) holders.set(word, (holders.get(word) ?? 0) + 1);
  return (word) => {
    if (!TELLING_WORD.test(word)) return 0;
    return Math.log((texts.length + 1) / ((holders.get(word) ?? 0) + 1)) ** power;
  };
}

export interface SimilarOptions {
  count: number;
  weights: WordWeights;
}

/** The `count` elements of `pool` most like `text`, the best one last: next to the question. */
export function mostSimilar<T extends { readonly text: string }>(
  text: string,
  pool: readonly T[],
  { count, weights }: SimilarOptions,
): T[] {
  const wanted = new Set(text.split(" "));
  const scored = pool.map((candidate) => {
    const words = [...new Set(candidate.text.split(" "))];
    const shared = words.filter((word) => wanted.has(word)).reduce((sum, word) => sum + weights(word), 0);
    return { candidate, score: shared / Math.sqrt(LENGTH_OFFSET + words.length) };
  });
  scored.sort((a, b) => a.score - b.score);
  return count === 0 ? [] : scored.slice(-count).map(({ candidate }) => candidate);
}
