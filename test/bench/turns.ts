// Who is measured when: everybody in every round, and nobody always first.

/** The same items, begun at another one in each round. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
