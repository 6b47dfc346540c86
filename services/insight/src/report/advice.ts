// What a report says of the recommendations: three at most with all that was promised, and why the rest is not done.
import {
  type Declined,
  MAX_RECOMMENDED,
  type Recommendation,
  type Recommendations,
} from "../remedy/recommendations.ts";
import { type PromisedGain, promisedGain } from "./promised-gain.ts";

export interface Advised
  extends Pick<Recommendation, "remedy" | "title" | "costShare" | "gainPerCost" | "change" | "undo" | "proof"> {
  /** The first one decides. */
  readonly gains: readonly PromisedGain[];
}

export interface Advice {
  readonly recommended: readonly Advised[];
  readonly declined: readonly Declined[];
}

export function adviceOf({ recommended, declined }: Recommendations): Advice {
  return { recommended: recommended.slice(0, MAX_RECOMMENDED).map(advised), declined };
}

function advised(recommendation: Recommendation): Advised {
  const { remedy, title, costShare, gainPerCost, change, undo, proof, predictions } = recommendation;
  return { remedy, title, costShare, gainPerCost, change, undo, proof, gains: predictions.map(promisedGain) };
}
