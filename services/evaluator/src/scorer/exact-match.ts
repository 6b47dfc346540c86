// Exact match: the answer equals one of the accepted ones. Its mean is accuracy.
import { z } from "zod";
import { ItemMean } from "./item-mean.ts";
import { type Normalisation, normalisation, normalise } from "./normalise.ts";
import type { Answered, ScoreReport, Scorer } from "./scorer.ts";

export const exactMatchParameters = z.strictObject({
  normalise: normalisation.default("blanks").describe("what is ignored: nothing, letter case and blanks, or as SQuAD"),
});

export class ExactMatch implements Scorer {
  readonly #how: Normalisation;
  readonly #mean = new ItemMean("exact_match", { isBinary: true });

  constructor({ normalise: how }: z.infer<typeof exactMatchParameters>) {
    this.#how = how;
  }

  add({ targets, answer, cluster }: Answered): number {
    const given = normalise(answer, this.#how);
    const score = targets.some((target) => normalise(target, this.#how) === given) ? 1 : 0;
    this.#mean.add(score, cluster);
    return score;
  }

  report(): ScoreReport {
    return { figures: [this.#mean.figure()] };
  }
}
