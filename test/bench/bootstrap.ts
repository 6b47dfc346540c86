// Percentile bootstrap (Efron 1979) of any statistic: over whole rounds, or over the observations of two samples.
import { type IntervalEstimate, quantile, type Random, seededRandom } from "@chimera/kernel";

const RESAMPLES = 1000;
const SEED = 1;
const MIN_OBSERVATIONS = 3;

/** What one round has in common stays together. Null below three. */
export function overRounds<R>(
  rounds: readonly R[],
  statistic: (rounds: readonly R[]) => number,
  random: Random = seededRandom(SEED),
): IntervalEstimate | null {
  if (rounds.length < MIN_OBSERVATIONS) return null;
  return intervalOf(() => statistic(redrawn(rounds, random)));
}

/** Two samples that were drawn independently. Null where one has fewer than three. */
export function overSamples<S>(
  { left, right }: { left: readonly S[]; right: readonly S[] },
  statistic: (left: readonly S[], right: readonly S[]) => number,
  random: Random = seededRandom(SEED),
): IntervalEstimate | null {
  if (Math.min(left.length, right.length) < MIN_OBSERVATIONS) return null;
  return intervalOf(() => statistic(redrawn(left, random), redrawn(right, random)));
}

function redrawn<T>(items: readonly T[], random: Random): T[] {
  return items.map((item) => items[Math.floor(random() * items.length)] ?? item);
}

function intervalOf(draw: () => number): IntervalEstimate | null {
  const values = Array.from({ length: RESAMPLES }, draw).filter(Number.isFinite);
  values.sort((a, b) => a - b);
  return values.length === 0 ? null : { low: quantile(values, 0.025), high: quantile(values, 0.975), level: 0.95 };
}
