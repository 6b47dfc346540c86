// Drawing open candidates by chance, without a look at all of them where most are open.
import type { Random } from "@chimera/kernel";
import type { Candidate, Field } from "./policy.ts";

/** Draws before all are looked at in turn. */
const DRAWS = 4;

/** One that is open and not `other`; undefined where there is none. */
export function drawOpen<C extends Candidate>(field: Field<C>, random: Random, other?: C): C | undefined {
  const { candidates } = field;
  const count = candidates.length;
  for (let i = 0; i < DRAWS; i++) {
    const drawn = candidates[Math.floor(random() * count)];
    if (drawn !== undefined && drawn !== other && field.isOpen(drawn)) return drawn;
  }
  // Each that is open gets the same chance, wherever it stands: the n-th of them replaces the one kept with chance 1 ÷ n.
  let kept: C | undefined;
  let seen = 0;
  for (const candidate of candidates) {
    if (candidate === other || !field.isOpen(candidate)) continue;
    seen += 1;
    if (random() * seen < 1) kept = candidate;
  }
  return kept;
}

/** The open candidate with the lowest cost, by chance among equals. */
export function leastOf<C extends Candidate>(field: Field<C>, random: Random, costOf: (candidate: C) => number) {
  let least: C | undefined;
  let leastCost = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (const candidate of field.candidates) {
    if (!field.isOpen(candidate)) continue;
    const cost = costOf(candidate);
    if (cost > leastCost) continue;
    equals = cost < leastCost ? 1 : equals + 1;
    if (random() * equals >= 1) continue;
    least = candidate;
    leastCost = cost;
  }
  return least;
}
