// McNemar's test (1947): two systems, the same items, right or wrong. Only items on which they differ say anything.
import { assert } from "@chimera/kernel";
import { binomialCdf, chiSquareTail } from "./distributions.ts";

export interface Discordant {
  /** Items that only the first has right. */
  onlyFirst: number;
  /** Items that only the second has right. */
  onlySecond: number;
}

/** Exact binomial test, two-sided; 1 where the systems never differ. */
export function mcnemarExact({ onlyFirst, onlySecond }: Discordant): number {
  const n = checked(onlyFirst, onlySecond);
  return n === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(onlyFirst, onlySecond), n, 0.5));
}

/** Half of the observed table counts (Lancaster 1961): nearer to the level than the exact test, which is too careful. */
export function mcnemarMidP({ onlyFirst, onlySecond }: Discordant): number {
  const n = checked(onlyFirst, onlySecond);
  if (n === 0 || onlyFirst === onlySecond) return 1;
  const fewer = Math.min(onlyFirst, onlySecond);
  return binomialCdf(fewer, n, 0.5) + binomialCdf(fewer - 1, n, 0.5);
}

/** Chi-squared with Edwards's correction (1948), for tables too large to be worth the exact one. */
export function mcnemarChiSquare({ onlyFirst, onlySecond }: Discordant): number {
  const n = checked(onlyFirst, onlySecond);
  return n === 0 ? 1 : chiSquareTail((Math.abs(onlyFirst - onlySecond) - 1) ** 2 / n, 1);
}

function checked(onlyFirst: number, onlySecond: number): number {
  assert(onlyFirst >= 0 && onlySecond >= 0, `McNemar's test needs counts, got ${onlyFirst} and ${onlySecond}`);
  return onlyFirst + onlySecond;
}
