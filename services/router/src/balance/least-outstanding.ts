// The replica with the fewest requests.
import type { Random } from "@chimera/kernel";
import { leastOf } from "./draw.ts";
import type { BalanceRequest, Candidate, Choice, Field, Policy } from "./policy.ts";

export class LeastOutstanding implements Policy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  choose<C extends Candidate>(_request: BalanceRequest, field: Field<C>): Choice<C> | undefined {
    const candidate = leastOf(field, this.#random, ({ outstanding }) => outstanding);
    return candidate && { candidate, why: "fewest requests outstanding", considered: [candidate] };
  }
}
