// One after the other. Knows nothing, and is what others are measured against.
import type { BalanceRequest, Candidate, Choice, Field, Policy } from "./policy.ts";

export class RoundRobin implements Policy {
  #turn = 0;

  choose<C extends Candidate>(_request: BalanceRequest, { candidates, isOpen }: Field<C>): Choice<C> | undefined {
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[(this.#turn + i) % candidates.length];
      if (candidate === undefined || !isOpen(candidate)) continue;
      this.#turn = (this.#turn + i + 1) % candidates.length;
      return { candidate, why: "its turn", considered: [candidate] };
    }
    return undefined;
  }
}
