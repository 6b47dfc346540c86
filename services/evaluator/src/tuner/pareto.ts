// Quality against time to first token against tokens: which measured configurations are worth a look, and which ones meet
// the limits. A difference within noise dominates nothing.
import { quantile } from "@chimera/kernel";
import { type PairedDifference, pairedDifference } from "@chimera/statistics";
import { type Measured, mean } from "./trial.ts";

export interface Objectives {
  readonly quality: number;
  readonly ttftMs: number;
  readonly tokens: number;
}

export interface Limits {
  readonly ttftMsP95?: number | undefined;
  /** Mean of prompt and answer per item. */
  readonly tokens?: number | undefined;
}

/** Means over the items. */
export function objectivesOf(measured: Measured): Objectives {
  return { quality: mean(measured.score), ttftMs: mean(measured.ttftMs), tokens: mean(measured.tokens) };
}

export function ttftMsP95(measured: Measured): number {
  return quantile(
    measured.ttftMs.toSorted((a, b) => a - b),
    0.95,
  );
}

export function meets(measured: Measured, limits: Limits): boolean {
  if (limits.tokens !== undefined && mean(measured.tokens) > limits.tokens) return false;
  return limits.ttftMsP95 === undefined || ttftMsP95(measured) <= limits.ttftMsP95;
}

/** left - right over the items both were asked, which are the first ones of each. */
export function difference(left: readonly number[], right: readonly number[]): PairedDifference {
  const n = Math.min(left.length, right.length);
  return pairedDifference(
    Array.from({ length: n }, (_, item) => ({ first: right[item] ?? 0, second: left[item] ?? 0 })),
  );
}

/** Better for sure in one objective on the common items, and in no other worse, sure or not. */
export function dominates(left: Measured, right: Measured): boolean {
  const better = [
    difference(left.score, right.score),
    difference(right.ttftMs, left.ttftMs),
    difference(right.tokens, left.tokens),
  ];
  return better.some(({ interval }) => (interval?.low ?? 0) > 0) && better.every((each) => each.difference >= 0);
}

/** What none of the others dominates. */
export function paretoFront<T extends { readonly search: Measured }>(trials: readonly T[]): T[] {
  const usable = trials.filter(({ search }) => search.score.length > 0);
  return usable.filter((each) => !usable.some((other) => other !== each && dominates(other.search, each.search)));
}

/** Volume that the points dominate, up to the worst acceptable `reference`; in units of quality × ms × tokens. */
export function hypervolume(points: readonly Objectives[], reference: Objectives): number {
  const inside = points.filter(
    (point) => point.quality > reference.quality && point.ttftMs < reference.ttftMs && point.tokens < reference.tokens,
  );
  // Slices along quality, from the best down; the area of a slice is that of all points at least as good.
  const sorted = inside.toSorted((a, b) => b.quality - a.quality);
  return sorted.reduce((volume, point, index) => {
    const floor = sorted[index + 1]?.quality ?? reference.quality;
    return volume + (point.quality - floor) * areaOf(sorted.slice(0, index + 1), reference);
  }, 0);
}

function areaOf(points: readonly Objectives[], reference: Objectives): number {
  let ceiling = reference.tokens;
  let area = 0;
  for (const { ttftMs, tokens } of points.toSorted((a, b) => a.ttftMs - b.ttftMs)) {
    if (tokens >= ceiling) continue;
    area += (reference.ttftMs - ttftMs) * (ceiling - tokens);
    ceiling = tokens;
  }
  return area;
}
