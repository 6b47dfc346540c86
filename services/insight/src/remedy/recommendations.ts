// What to do, best first, and why the rest is not done.
import type { Observed } from "../predict/observed.ts";
import { leastGain } from "../predict/predicted-change.ts";
import { cachePolicy } from "./cache-policy.ts";
import { cachePruning } from "./cache-pruning.ts";
import { cacheSize } from "./cache-size.ts";
import { cacheWarmUp } from "./cache-warm-up.ts";
import { hyperparameterTuning } from "./hyperparameter-tuning.ts";
import { parallelisation } from "./parallelisation.ts";
import type { GainExpected, Remedy, RemedyId } from "./remedy.ts";

export const REMEDIES: readonly Remedy[] = [
  cacheWarmUp,
  cachePolicy,
  cacheSize,
  cachePruning,
  parallelisation,
  hyperparameterTuning,
];

/** More than a reader would act on is not recommended at the same time. */
export const MAX_RECOMMENDED = 3;
/** Whatever costs less than this share of today's spending costs the attention of one trial. */
const LEAST_COST = 0.01;

export interface Recommendation extends GainExpected {
  readonly remedy: RemedyId;
  readonly title: string;
  /** Lower end of the 90 % interval of the gain ÷ share of today's spending. */
  readonly gainPerCost: number;
}

export interface Declined {
  readonly remedy: RemedyId;
  readonly title: string;
  readonly kind: "not applicable" | "no gain expected" | "measure first" | "ranked lower";
  readonly why: string;
}

export interface Recommendations {
  /** At most MAX_RECOMMENDED, by gainPerCost. */
  readonly recommended: readonly Recommendation[];
  /** Every other remedy. */
  readonly declined: readonly Declined[];
}

export function recommendations(observed: Observed, remedies: readonly Remedy[] = REMEDIES): Recommendations {
  const judged = remedies.map((remedy) => judge(remedy, observed));
  const ranked = judged.filter(isRecommendation).sort((a, b) => b.gainPerCost - a.gainPerCost);
  const declined = judged.filter((each) => !isRecommendation(each));
  const lower = ranked.slice(MAX_RECOMMENDED).map(
    ({ remedy, title }): Declined => ({
      ...{ remedy, title },
      kind: "ranked lower",
      why: `${MAX_RECOMMENDED} others gain more for what they cost.`,
    }),
  );
  return { recommended: ranked.slice(0, MAX_RECOMMENDED), declined: [...declined, ...lower] };
}

function isRecommendation(judged: Recommendation | Declined): judged is Recommendation {
  return judged.kind === "gain expected";
}

function judge(remedy: Remedy, observed: Observed): Recommendation | Declined {
  const { id, title } = remedy;
  const reason = remedy.precondition(observed);
  if (reason !== undefined) return { remedy: id, title, kind: "not applicable", why: reason };
  const forecast = remedy.forecast(observed);
  switch (forecast.kind) {
    case "no gain expected":
      return { remedy: id, title, kind: forecast.kind, why: forecast.why };
    case "measure first":
      return { remedy: id, title, kind: forecast.kind, why: `It needs ${forecast.what}.` };
    case "gain expected": {
      const [first] = forecast.predictions;
      const gainPerCost = leastGain(first.metric, first.change) / Math.max(LEAST_COST, forecast.costShare);
      return { ...forecast, remedy: id, title, gainPerCost };
    }
  }
}
