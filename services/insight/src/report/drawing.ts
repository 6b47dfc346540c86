// What the plots of a report share: size, axes and grid. Colours and dashes come from the style sheet by class, so that light, dark
// and paper differ there alone.
import { formatTick } from "../figure/format.ts";
import { element, type Markup, text, tick } from "./markup.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";

export const WIDTH = 720;
export const HEIGHT = 260;
export const LEFT = 56;
export const RIGHT = 12;
export const TOP = 10;
export const BOTTOM = 40;

/** Above this ratio of largest to smallest, a linear axis hides the small values. */
const LOG_RATIO = 20;

export function xScale(values: readonly number[], isTime: boolean): Scale {
  const ends = { start: LEFT, end: WIDTH - RIGHT };
  const largest = Math.max(...values);
  const smallest = Math.min(...values.filter((value) => value > 0));
  if (isTime || !Number.isFinite(smallest) || largest / smallest < LOG_RATIO) {
    return linearScale({ from: 0, to: largest || 1, ...ends }, 8);
  }
  return logScale({ from: smallest, to: largest, ...ends });
}

export interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly xUnit: string;
  readonly yUnit: string;
}

export function grid({ x, y, ...units }: Axes, height = HEIGHT): Markup {
  const bottom = height - BOTTOM;
  const across = y.ticks.map((value) => [
    element("path", { class: "grid", d: `M${LEFT} ${round(y.at(value))}H${WIDTH - RIGHT}` }),
    tick({ x: LEFT - 8, y: round(y.at(value)) + 4, "text-anchor": "end" }, formatTick(value, units.yUnit)),
  ]);
  const up = x.ticks.map((value) => [
    element("path", { class: "grid", d: `M${round(x.at(value))} ${TOP}V${bottom}` }),
    tick({ x: round(x.at(value)), y: bottom + 16, "text-anchor": "middle" }, formatTick(value, units.xUnit)),
  ]);
  return element("g", {}, ...across, ...up);
}

export function axisName(name: string, height = HEIGHT): Markup {
  return element("text", { x: WIDTH - RIGHT, y: height - 6, "text-anchor": "end", class: "axis-name" }, text(name));
}

export function drawing(
  label: string,
  content: readonly Markup[] | readonly (Markup | readonly Markup[])[],
  height = HEIGHT,
): Markup {
  return element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...content);
}

export function round(position: number): number {
  return Math.round(position * 10) / 10;
}
