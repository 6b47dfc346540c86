// What a tuning run says of quality: macro-F1 with its interval over clusters, and how the search would have done on items that its
// choice did not see.
import { seededRandom } from "@chimera/kernel";
import { BOOTSTRAP_INTERVAL, cellScores } from "@chimera/statistics";
import type { Item } from "../dataset/item.ts";
import { nestedCrossValidation } from "../guard/index.ts";
import { clusteredConfusion, type Estimate, estimateOf, meanOf, RESAMPLES, SEED } from "../run/figures.ts";
import { clusterOf } from "../run/plan.ts";

export interface Answered {
  target: string;
  predicted: string;
  cluster: string;
  score: number;
}

/** Macro-F1 of labels; of free texts the mean score. */
export async function qualityOf(rows: readonly Answered[], { hasClasses }: { hasClasses: boolean }): Promise<Estimate> {
  if (!hasClasses) return meanOf(rows, ({ score }) => score);
  const confusion = clusteredConfusion(rows);
  const options = { resamples: RESAMPLES, random: seededRandom(SEED) };
  const intervals = confusion.clusters < 2 ? undefined : await confusion.bootstrapInTurns(options);
  const method = `macro-F1, bootstrap over clusters, ${BOOTSTRAP_INTERVAL}, ${RESAMPLES} resamples, seed ${SEED}`;
  return estimateOf(cellScores(confusion.cells()).macroF1, intervals?.macroF1, method);
}

export interface NestedOptions {
  items: readonly Item[];
  /** Of every trial that was asked all items, the baseline among them: its answers in their order. */
  trials: readonly (readonly Answered[])[];
  hasClasses: boolean;
}

const FOLDS = 5;

/**
 * What choosing among these trials is worth: for each fold the best one on the other folds answers, and all folds together are
 * scored. No item is asked again. Undefined where there is nothing to choose from.
 */
export async function nestedQuality({ items, trials, hasClasses }: NestedOptions): Promise<Estimate | undefined> {
  if (trials.length < 2 || items.length < 2 * FOLDS) return undefined;
  const positions = items.map((item, at) => ({ id: item.id, cluster: clusterOf(item), at }));
  const answered: Answered[] = [];
  const scoresOf = (trial: number, at: readonly { at: number }[]) =>
    at.map((each) => trials[trial]?.[each.at]?.score ?? 0);
  await nestedCrossValidation<(typeof positions)[number], number>({
    items: positions,
    folds: FOLDS,
    repeats: 1,
    random: seededRandom(SEED),
    tune: async (inner) => {
      const means = trials.map((_, trial) => meanScore(scoresOf(trial, inner)));
      const best = Math.max(...means);
      return { choice: means.indexOf(best), believedGain: best - (means[0] ?? 0) };
    },
    score: async (choice, outer) => {
      answered.push(...outer.flatMap(({ at }) => trials[choice]?.[at] ?? []));
      return { choice: scoresOf(choice, outer), baseline: scoresOf(0, outer) };
    },
  });
  const quality = await qualityOf(answered, { hasClasses });
  return { ...quality, method: `${quality.method}; ${FOLDS} folds, the choice made on the others` };
}

export function meanScore(scores: readonly number[]): number {
  return scores.reduce((sum, each) => sum + each, 0) / Math.max(1, scores.length);
}
