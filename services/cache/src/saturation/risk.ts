// From signs to a judgement, by a rule that is written down, with a text that names its figures and what helps.

import type { Signs, SizeForecast } from "./signs.ts";
import { bytesText, durationText, percentText } from "./text.ts";

export type RiskLevel = "low" | "moderate" | "high";

export interface Risk {
  level: RiskLevel;
  text: string;
}

/** A cache with this much room left is not saturated, whatever else it shows. */
const FULL = 0.9;
/** Of the misses: what more room would have kept. */
const GHOST_MODERATE = 0.02;
const GHOST_HIGH = 0.1;
/** Stored per hit: most of what is written leaves unread. */
const WRITE_TO_HIT = 4;
const NEVER_HIT = 0.8;
/** Evicted so soon, an answer has no chance to be asked for again. */
const SHORT_LIFE_MS = 60_000;
/** Fewer misses or evictions say nothing yet. */
const MIN_N = 50;
/** A larger cache is proposed for no less. */
const SIZE_GAIN_PP = 1;

/**
 * low: fill below 90 %, or nothing was evicted.
 * high: full, and 10 % or more of the misses are for answers evicted not long ago, or two of the signs below are there.
 * moderate: full, and one of them is: such misses are 2 % or more; at most one hit for four answers stored; 80 % or more of the
 * answers never served; half of the evicted ones unused for less than a minute.
 */
export function riskOf(signs: Signs): Risk {
  const { fill, evictions } = signs;
  const state = `${percentText(fill)} of ${bytesText(signs.capacityBytes)} are in use`;
  if (fill < FULL || evictions === 0) {
    return { level: "low", text: `${state}, and ${evictions === 0 ? "nothing was evicted lately" : "there is room"}.` };
  }
  const found = signsOf(signs);
  const isHigh = found.length >= 2 || (hasMisses(signs) && signs.ghostHitShare >= GHOST_HIGH);
  const level = isHigh ? "high" : found.length === 1 ? "moderate" : "low";
  const what = found.length === 0 ? "what is evicted is not missed" : found.join("; ");
  return { level, text: `${state}: ${what}.${level === "low" ? "" : ` ${remedyText(signs)}`}` };
}

function hasMisses({ traffic }: Signs): boolean {
  return traffic.lookups - traffic.hits >= MIN_N;
}

function signsOf(signs: Signs): string[] {
  const { ghostHitShare, writeToHit, neverHitShare, neverHitN, evictions, evictionAgeMs, traffic } = signs;
  const found: string[] = [];
  if (hasMisses(signs) && ghostHitShare >= GHOST_MODERATE) {
    const misses = traffic.lookups - traffic.hits;
    found.push(`${percentText(ghostHitShare)} of ${misses} misses were for answers evicted not long ago`);
  }
  if (traffic.stores >= MIN_N && writeToHit >= WRITE_TO_HIT) {
    found.push(`${writeToHit.toFixed(1)} answers were stored per hit`);
  }
  if (neverHitN >= MIN_N && neverHitShare >= NEVER_HIT) {
    found.push(`${percentText(neverHitShare)} of ${neverHitN} answers were never served`);
  }
  if (evictions >= MIN_N && evictionAgeMs !== undefined && evictionAgeMs < SHORT_LIFE_MS) {
    found.push(`half of ${evictions} evicted answers had been unused for less than ${durationText(evictionAgeMs)}`);
  }
  return found;
}

/** The forecast that gains most per byte among those that gain enough; undefined where none does. */
export function worthwhileSize({
  sizes,
  capacityBytes,
}: Pick<Signs, "sizes" | "capacityBytes">): SizeForecast | undefined {
  const now = sizes.find((size) => size.capacityBytes === capacityBytes);
  if (now === undefined) return undefined;
  const larger = sizes
    .filter((size) => size.capacityBytes > capacityBytes)
    .sort((a, b) => a.capacityBytes - b.capacityBytes);
  return larger.find(({ hitRatio }) => (hitRatio - now.hitRatio) * 100 >= SIZE_GAIN_PP);
}

function remedyText(signs: Signs): string {
  const remedies: string[] = [];
  const size = worthwhileSize(signs);
  const now = signs.sizes.find(({ capacityBytes }) => capacityBytes === signs.capacityBytes);
  if (size !== undefined && now !== undefined) {
    const gain = ((size.hitRatio - now.hitRatio) * 100).toFixed(1);
    remedies.push(`${bytesText(size.capacityBytes)} would hit ${gain} pp more (n ${size.n})`);
  }
  if (signs.neverHitBytes > 0) {
    remedies.push(`pruning what was never served would free ${bytesText(signs.neverHitBytes)}`);
  }
  const crowding = signs.tenants.find(({ bytes, quotaBytes }) => quotaBytes !== undefined && bytes > quotaBytes);
  if (crowding !== undefined) remedies.push(`tenant ${crowding.tenant} holds more than its quota`);
  return remedies.length === 0 ? "More room would help." : `What helps: ${remedies.join("; ")}.`;
}
