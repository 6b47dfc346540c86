// Standard normal random numbers.
import { normalQuantile, type Random } from "@chimera/kernel";

/** By inversion: one uniform number each. */
export function normal(random: Random): number {
  return normalQuantile(Math.min(1 - 2 ** -33, Math.max(2 ** -33, random())));
}
