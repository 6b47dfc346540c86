// Binomial random numbers in time that does not grow with n.
import type { Random } from "@chimera/kernel";

// From here on the normal approximation is used. Below, inversion takes about n p < 50 steps.
const NORMAL_FROM_VARIANCE = 25;

/** Successes of n trials. Exact by inversion while the variance is small, else the rounded normal approximation. */
export function binomial(n: number, p: number, random: Random): number {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  const variance = n * p * (1 - p);
  if (variance < NORMAL_FROM_VARIANCE) return byInversion(n, p, random);
  return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(variance) * normal(random))));
}

/** Sequential search of the distribution function (Devroye 1986, X.4). With this variance and p <= 1/2, (1-p)^n is never 0. */
function byInversion(n: number, p: number, random: Random): number {
  const odds = p / (1 - p);
  let mass = (1 - p) ** n;
  let u = random();
  let successes = 0;
  while (u > mass && successes < n) {
    u -= mass;
    successes += 1;
    mass *= (odds * (n - successes + 1)) / successes;
  }
  return successes;
}

/** Standard normal (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
