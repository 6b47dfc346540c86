// Stage 3: which replica makes the tokens. Least outstanding requests, chance among equals.
import type { Random } from "@chimera/kernel";
import type { Replica } from "../replica/replica.ts";

/** Candidates in the order they should be tried. */
export function orderReplicas(candidates: readonly Replica[], random: Random): Replica[] {
  return candidates
    .map((replica) => ({ replica, outstanding: replica.outstanding, tie: random() }))
    .sort((a, b) => a.outstanding - b.outstanding || a.tie - b.tie)
    .map(({ replica }) => replica);
}
