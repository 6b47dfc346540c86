// The best of many noisy scores is partly luck. How much, and what is left of it.
import { assert, normalQuantile, type Random } from "@chimera/kernel";
import { normalCdf } from "@chimera/statistics";

export interface NoisyEstimate {
  readonly value: number;
  readonly standardError: number;
}

/**
 * Empirical Bayes: every estimate drawn towards the common mean by as much as its noise explains (variance between them by
 * DerSimonian and Laird 1986). In the order given.
 */
export function shrunk(estimates: readonly NoisyEstimate[]): number[] {
  if (estimates.length < 2) return estimates.map(({ value }) => value);
  const precisions = estimates.map(({ standardError }) => 1 / Math.max(standardError, 1e-9) ** 2);
  const centre = weightedMean(estimates, precisions);
  const q = estimates.reduce((sum, { value }, i) => sum + (precisions[i] ?? 0) * (value - centre) ** 2, 0);
  const total = precisions.reduce((sum, each) => sum + each, 0);
  const squares = precisions.reduce((sum, each) => sum + each * each, 0);
  const between = Math.max(0, (q - (estimates.length - 1)) / (total - squares / total));
  const shared = weightedMean(
    estimates,
    estimates.map(({ standardError }) => 1 / (between + standardError ** 2 + 1e-18)),
  );
  return estimates.map(({ value, standardError }) => {
    const kept = between / (between + standardError ** 2 + 1e-18);
    return shared + kept * (value - shared);
  });
}

/** How far the highest score lies above the truth of what has it, on average over redrawn noise (parametric bootstrap). */
export function simulatedOptimism(
  estimates: readonly NoisyEstimate[],
  { draws = 500, random }: { draws?: number; random: Random },
): number {
  assert(estimates.length > 0, "optimism needs a score");
  const truths = shrunk(estimates);
  let sum = 0;
  for (let draw = 0; draw < draws; draw++) {
    let best = Number.NEGATIVE_INFINITY;
    let truthOfBest = 0;
    estimates.forEach(({ standardError }, i) => {
      const truth = truths[i] ?? 0;
      const redrawn = truth + standardError * normalQuantile(Math.max(random(), 1e-12));
      if (redrawn <= best) return;
      best = redrawn;
      truthOfBest = truth;
    });
    sum += best - truthOfBest;
  }
  return sum / draws;
}

/**
 * A gain that was reported only because it passed `threshold`. Midway between the estimate and the true gain under which
 * what passes has this value on average (maximum likelihood of the truncated normal): around a threshold of 2.2 standard
 * errors the first errs by up to 0.6 of them upwards, the second by 0.5 downwards, their mean by less than 0.1 where the
 * true gain is 2.5 or more. Never below 0.
 */
export function gainGivenPassed(estimate: NoisyEstimate, threshold: number): number {
  if (estimate.standardError === 0 || estimate.value <= threshold) return Math.max(0, estimate.value);
  return (estimate.value + likeliestGain(estimate, threshold)) / 2;
}

function likeliestGain({ value, standardError }: NoisyEstimate, threshold: number): number {
  const meanPassed = (truth: number) => {
    const z = (threshold - truth) / standardError;
    return truth + (standardError * density(z)) / Math.max(normalCdf(-z), 1e-300);
  };
  let [low, high] = [0, value];
  if (meanPassed(low) >= value) return low;
  // 50 halvings end far below any rounding of a report.
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (meanPassed(middle) < value) low = middle;
    else high = middle;
  }
  return low;
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

function weightedMean(estimates: readonly NoisyEstimate[], weights: readonly number[]): number {
  const total = weights.reduce((sum, each) => sum + each, 0);
  return estimates.reduce((sum, { value }, i) => sum + (weights[i] ?? 0) * value, 0) / total;
}
