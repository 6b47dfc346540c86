// What all changes together came to: the traffic they reach against a slice of sessions that none of them ever reaches. The
// gains of single changes do not add up to this, which is why it is measured.
import { type IntervalEstimate, quantile, type Random } from "@chimera/kernel";
import type { FigureId } from "../figure/definitions.ts";
import { type Figure, figure } from "../figure/figure.ts";
import { QuantileSketch } from "../window/quantile-sketch.ts";
import { coveredWindow, type TrafficBlock } from "../window/traffic-log.ts";
import type { Window } from "../window/window.ts";
import { requestSource } from "./sources.ts";

/** The arm that settings never touch. */
export const NEVER_CHANGED_ARM = "never-changed";

/** Stretches of time that are drawn; neighbours are put together until there are no more. */
const MAX_STRETCHES = 48;
/** With fewer, an interval would be a guess. */
const MIN_STRETCHES = 10;
const RESAMPLES = 400;

interface Side {
  ttftMs: QuantileSketch;
  hits: number;
  asked: number;
}

/** One stretch of time, both sides of it: what happens to the whole mesh happens to both. */
interface Stretch {
  readonly slice: Side;
  readonly rest: Side;
}

export interface GainOptions {
  readonly window: Window;
  readonly random: Random;
}

export function cumulativeGainFigures(
  blocks: readonly TrafficBlock[],
  { window, random }: GainOptions,
): readonly Figure[] {
  const stretches = stretchesOf(blocks);
  const total = combined(stretches);
  const shared = {
    window: coveredWindow(blocks, window),
    source: `${requestSource}, by arm: "${NEVER_CHANGED_ARM}" and all others`,
    method: `paired by time; 95 % percentile bootstrap over ${stretches.length} stretches, ${RESAMPLES} resamples; no interval below ${MIN_STRETCHES}`,
  };
  const intervals = bootstrap(stretches, random);
  const build = (id: FigureId, change: number | undefined, n: number, interval: IntervalEstimate | undefined) =>
    figure({
      ...shared,
      id,
      value: change,
      n: change === undefined ? 0 : n,
      interval: change === undefined ? undefined : interval,
    });
  return [
    build("total.ttft_p50_change", ttftChange(total), total.slice.ttftMs.n + total.rest.ttftMs.n, intervals.ttft),
    build("total.hit_ratio_change", hitChange(total), total.slice.asked + total.rest.asked, intervals.hits),
  ];
}

function ttftChange({ slice, rest }: Stretch): number | undefined {
  if (slice.ttftMs.n === 0 || rest.ttftMs.n === 0) return undefined;
  const before = slice.ttftMs.quantile(0.5);
  return before === 0 ? undefined : rest.ttftMs.quantile(0.5) / before - 1;
}

function hitChange({ slice, rest }: Stretch): number | undefined {
  if (slice.asked === 0 || rest.asked === 0) return undefined;
  return rest.hits / rest.asked - slice.hits / slice.asked;
}

/** Only times in which both sides had requests. */
function stretchesOf(blocks: readonly TrafficBlock[]): readonly Stretch[] {
  const both = blocks.map(stretchOf).filter(({ slice, rest }) => slice.ttftMs.n > 0 && rest.ttftMs.n > 0);
  const size = Math.ceil(both.length / MAX_STRETCHES);
  return Array.from({ length: size === 0 ? 0 : Math.ceil(both.length / size) }, (_, index) =>
    combined(both.slice(index * size, (index + 1) * size)),
  );
}

function stretchOf({ cells }: TrafficBlock): Stretch {
  const stretch = emptyStretch();
  for (const { group, cell } of cells) {
    const side = group.arm === NEVER_CHANGED_ARM ? stretch.slice : stretch.rest;
    side.ttftMs.merge(cell.ttftMs);
    if (group.cache === "hit") side.hits += cell.n;
    if (group.cache === "hit" || group.cache === "miss") side.asked += cell.n;
  }
  return stretch;
}

function bootstrap(
  stretches: readonly Stretch[],
  random: Random,
): { ttft: IntervalEstimate | undefined; hits: IntervalEstimate | undefined } {
  if (stretches.length < MIN_STRETCHES) return { ttft: undefined, hits: undefined };
  const [ttft, hits]: [number[], number[]] = [[], []];
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    const drawn = combined(stretches.map((one) => stretches[Math.floor(random() * stretches.length)] ?? one));
    const [ttftDrawn, hitsDrawn] = [ttftChange(drawn), hitChange(drawn)];
    if (ttftDrawn !== undefined) ttft.push(ttftDrawn);
    if (hitsDrawn !== undefined) hits.push(hitsDrawn);
  }
  return { ttft: middle(ttft), hits: middle(hits) };
}

function middle(values: number[]): IntervalEstimate | undefined {
  if (values.length === 0) return undefined;
  values.sort((a, b) => a - b);
  return { low: quantile(values, 0.025), high: quantile(values, 0.975), level: 0.95 };
}

function combined(stretches: readonly Stretch[]): Stretch {
  const sum = emptyStretch();
  for (const stretch of stretches) {
    addTo(sum.slice, stretch.slice);
    addTo(sum.rest, stretch.rest);
  }
  return sum;
}

function addTo(side: Side, more: Side): void {
  side.ttftMs.merge(more.ttftMs);
  side.hits += more.hits;
  side.asked += more.asked;
}

function emptyStretch(): Stretch {
  const empty = () => ({ ttftMs: new QuantileSketch(), hits: 0, asked: 0 });
  return { slice: empty(), rest: empty() };
}
