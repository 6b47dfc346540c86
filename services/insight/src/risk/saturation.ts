// Cache saturation: the cache is full and new answers only push out others that might have been asked for again.
import { phrase } from "../figure/phrase.ts";
import type { FigureSet, Risk, RiskState } from "./risk.ts";

const FULL = 0.95;
const FILLING = 0.8;
const CHURNING = 0.5;

export function saturation(figures: FigureSet): Risk {
  const fill = figures.get("cache.fill_ratio");
  const evictions = figures.get("cache.eviction_share");
  return {
    id: "cache-saturation",
    name: "Cache saturation",
    state: stateOf(fill?.value, evictions?.value),
    sign:
      fill?.value === undefined || evictions === undefined
        ? phrase("no cache reported in the window")
        : phrase("fill ", fill, ", evictions per new answer ", evictions),
    rule: `watch from ${FILLING * 100} % fill, alarm from ${FULL * 100} % fill with ${CHURNING * 100} % evictions per new answer`,
    mitigation: "Give the cache more bytes, or keep out answers that are seldom asked for again.",
    figureIds: ["cache.fill_ratio", "cache.eviction_share", "cache.evictions"],
    trendOf: "cache.fill_ratio",
    remedies: ["cache-size", "cache-pruning", "cache-policy"],
  };
}

/** No new answer in the window means that none pushed another out. */
function stateOf(fill: number | undefined, evictionShare = 0): RiskState {
  if (fill === undefined) return "unknown";
  if (fill >= FULL && evictionShare >= CHURNING) return "alarm";
  return fill >= FILLING ? "watch" : "ok";
}
