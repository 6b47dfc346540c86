// The plots of a report as SVG text: the same report gives the same bytes, nothing is fetched, no script runs. Colours and
// dashes come from the style sheet by class, so that light, dark and paper differ there alone.
import type { Figure } from "../figure/figure.ts";
import { formatTick } from "../figure/format.ts";
import type { Series } from "../figure/series.ts";
import { element, type Markup, text, tick, wording } from "./markup.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 40;

/** Above this ratio of largest to smallest, a linear axis hides the small values. */
const LOG_RATIO = 20;

/** Curves over one pair of axes; the first curve names the axes. Undefined where there is nothing to draw. */
export function curveChart(curves: readonly Series[], options: { area?: boolean } = {}): Markup | undefined {
  const [first] = curves;
  if (first === undefined) return undefined;
  const xs = curves.flatMap((curve) => curve.points.map((point) => point.x));
  const ys = curves.flatMap((curve) => curve.points.map((point) => point.y));
  const x = xScale(xs, first.xUnit === "s");
  const top = first.yUnit === "ratio" ? 1 : Math.max(...ys) * 1.05 || 1;
  const y = linearScale({ from: 0, to: top, start: HEIGHT - BOTTOM, end: TOP });
  const paths = curves.map((curve, index) => {
    const line = curve.points
      .map((point, at) => `${at === 0 ? "M" : "L"}${round(x.at(point.x))} ${round(y.at(point.y))}`)
      .join("");
    return element("path", { class: `curve curve-${"abc"[index] ?? "c"}`, d: line });
  });
  const area = options.area ? [areaUnder(first, x, y)] : [];
  return drawing(first.definition, [
    grid(x, y, { xUnit: first.xUnit, yUnit: first.yUnit }),
    axisName(`${first.xName} (${first.xUnit})`),
    ...area,
    ...paths,
  ]);
}

/** Shares with their intervals, one row each. Undefined where no figure has a value. */
export function intervalChart(figures: readonly Figure[]): Markup | undefined {
  const shown = figures.filter((figure) => figure.value !== undefined);
  if (shown.length === 0) return undefined;
  const height = TOP + shown.length * 34 + BOTTOM;
  const left = 210;
  const lows = shown.map((figure) => figure.interval?.low ?? figure.value ?? 0);
  // From the tenth below the lowest bound: a quality axis from zero would squeeze every interval into a point.
  const from = Math.max(0, Math.floor(Math.min(...lows) * 10 - 1e-9) / 10);
  const x = linearScale({ from, to: 1, start: left, end: WIDTH - RIGHT - 16 });
  const rows = shown.map((figure, index) => intervalRow(figure, x, TOP + index * 34 + 17));
  const ticks = x.ticks.map((value) => [
    element("path", { class: "grid", d: `M${round(x.at(value))} ${TOP}V${height - BOTTOM}` }),
    tick({ x: round(x.at(value)), y: height - BOTTOM + 16, "text-anchor": "middle" }, formatTick(value, "ratio")),
  ]);
  return drawing("Quality with intervals", [...ticks, ...rows], height);
}

function intervalRow(figure: Figure, x: Scale, y: number): Markup {
  const value = figure.value ?? 0;
  const interval = figure.interval;
  const bar =
    interval === undefined
      ? []
      : [element("path", { class: "whisker", d: whisker(round(x.at(interval.low)), round(x.at(interval.high)), y) })];
  return element(
    "g",
    {},
    element("text", { x: 0, y: y + 4, class: "row-name" }, wording(figure, "name", "tspan")),
    ...bar,
    element("circle", { class: "dot", cx: round(x.at(value)), cy: y, r: 5 }),
  );
}

function whisker(low: number, high: number, y: number): string {
  return `M${low} ${y}H${high}M${low} ${y - 5}v10M${high} ${y - 5}v10`;
}

function xScale(values: readonly number[], isTime: boolean): Scale {
  const ends = { start: LEFT, end: WIDTH - RIGHT };
  const largest = Math.max(...values);
  const smallest = Math.min(...values.filter((value) => value > 0));
  if (isTime || !Number.isFinite(smallest) || largest / smallest < LOG_RATIO) {
    return linearScale({ from: 0, to: largest || 1, ...ends }, 8);
  }
  return logScale({ from: smallest, to: largest, ...ends });
}

function grid(x: Scale, y: Scale, units: { xUnit: string; yUnit: string }): Markup {
  const bottom = HEIGHT - BOTTOM;
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

function axisName(name: string): Markup {
  return element("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end", class: "axis-name" }, text(name));
}

function areaUnder(curve: Series, x: Scale, y: Scale): Markup {
  const base = round(y.at(0));
  const first = curve.points[0]?.x ?? 0;
  const last = curve.points.at(-1)?.x ?? 0;
  const line = curve.points.map((point) => `L${round(x.at(point.x))} ${round(y.at(point.y))}`).join("");
  return element("path", { class: "area", d: `M${round(x.at(first))} ${base}${line}L${round(x.at(last))} ${base}Z` });
}

function drawing(
  label: string,
  content: readonly Markup[] | readonly (Markup | readonly Markup[])[],
  height = HEIGHT,
): Markup {
  return element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...content);
}

function round(position: number): number {
  return Math.round(position * 10) / 10;
}
