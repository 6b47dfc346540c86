// Two replicas by chance, then the better one (Mitzenmacher 2001): nearly as even as looking at all, and no herd runs to the one
// that looks best.
import type { Random } from "@chimera/kernel";
import { drawOpen } from "./draw.ts";
import { expectedTtftMs, isSooner } from "./expected-wait.ts";
import type { BalanceRequest, Candidate, Choice, Field, Policy } from "./policy.ts";

export type Measure = "outstanding" | "expected-wait";

const WHY: Record<Measure, string> = {
  outstanding: "fewer requests outstanding, of two drawn",
  "expected-wait": "sooner first token, of two drawn",
};

export class TwoChoices implements Policy {
  readonly #random: Random;
  readonly #measure: Measure;

  constructor(random: Random, measure: Measure) {
    this.#random = random;
    this.#measure = measure;
  }

  choose<C extends Candidate>(request: BalanceRequest, field: Field<C>): Choice<C> | undefined {
    const first = drawOpen(field, this.#random);
    if (first === undefined) return undefined;
    const second = drawOpen(field, this.#random, first);
    if (second === undefined) return { candidate: first, why: "the only one with room", considered: [first] };
    const candidate = this.#isBetter(second, first, (each) => expectedTtftMs(each, request, field)) ? second : first;
    return { candidate, why: WHY[this.#measure], considered: [first, second] };
  }

  #isBetter<C extends Candidate>(a: C, b: C, ttftMs: (candidate: C) => number): boolean {
    if (this.#measure === "outstanding") return a.outstanding < b.outstanding;
    return isSooner(
      { outstanding: a.outstanding, ttftMs: ttftMs(a) },
      { outstanding: b.outstanding, ttftMs: ttftMs(b) },
    );
  }
}
