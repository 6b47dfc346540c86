// Token F1 of SQuAD: overlap of the bags of tokens, the best over the accepted answers, the mean over items. Both empty is 1, one
// empty is 0 (SQuAD 2.0).
import { z } from "zod";
import { ItemMean } from "./item-mean.ts";
import { squadTokens } from "./normalise.ts";
import type { Answered, ScoreReport, Scorer } from "./scorer.ts";

export const tokenF1Parameters = z.strictObject({});

export class TokenF1 implements Scorer {
  readonly #mean = new ItemMean("token_f1");

  add({ targets, answer, cluster }: Answered): number {
    const given = squadTokens(answer);
    const score = Math.max(...targets.map((target) => overlapF1(squadTokens(target), given)));
    this.#mean.add(score, cluster);
    return score;
  }

  report(): ScoreReport {
    return { figures: [this.#mean.figure()] };
  }
}

export function overlapF1(wanted: readonly string[], given: readonly string[]): number {
  if (wanted.length === 0 || given.length === 0) return wanted.length === given.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const token of wanted) left.set(token, (left.get(token) ?? 0) + 1);
  let shared = 0;
  for (const token of given) {
    const count = left.get(token) ?? 0;
    if (count === 0) continue;
    left.set(token, count - 1);
    shared += 1;
  }
  return (2 * shared) / (wanted.length + given.length);
}
