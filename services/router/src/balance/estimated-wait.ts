// The replica where the wait is expected to be shortest: what must be computed there first, at the rate it was measured to compute,
// and its queue. All of them are looked at.
import type { Random } from "@chimera/kernel";
import { leastOf } from "./draw.ts";
import type { BalanceRequest, Candidate, Choice, Field, Policy } from "./policy.ts";

export class EstimatedWait implements Policy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  choose<C extends Candidate>(_request: BalanceRequest, field: Field<C>): Choice<C> | undefined {
    const candidate = leastOf(field, this.#random, (each) => each.expectedTtftMs(0));
    return candidate && { candidate, why: "shortest wait expected", considered: [candidate] };
  }
}
