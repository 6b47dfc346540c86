// The plots of a report as SVG text: the same report gives the same bytes, nothing is fetched, no script runs.
import type { Figure } from "../figure/figure.ts";
import { formatTick } from "../figure/format.ts";
import type { Series } from "../figure/series.ts";
import type { PredictionRow } from "../ledger/summary.ts";
import type { CapacityCurves } from "../measure/capacity-curves.ts";
import { axisName, BOTTOM, drawing, grid, HEIGHT, LEFT, RIGHT, round, TOP, WIDTH, xScale } from "./drawing.ts";
import { element, type Markup, text, tick, wording } from "./markup.ts";
import { linearScale, type Scale } from "./scale.ts";

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
    grid({ x, y, xUnit: first.xUnit, yUnit: first.yUnit }),
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

function areaUnder(curve: Series, x: Scale, y: Scale): Markup {
  const base = round(y.at(0));
  const first = curve.points[0]?.x ?? 0;
  const last = curve.points.at(-1)?.x ?? 0;
  const line = curve.points.map((point) => `L${round(x.at(point.x))} ${round(y.at(point.y))}`).join("");
  return element("path", { class: "area", d: `M${round(x.at(first))} ${base}${line}L${round(x.at(last))} ${base}Z` });
}

/** Capacity over slots: the points of the test, the law and its band. */
export function capacityChart({ measured, law, low, high }: CapacityCurves): Markup {
  const shown = [measured, law, low, high].flatMap((each) => each ?? []);
  const points = shown.flatMap((each) => each.points);
  const x = linearScale(
    { from: 0, to: Math.max(...points.map((point) => point.x)), start: LEFT, end: WIDTH - RIGHT },
    8,
  );
  const top = Math.max(...points.map((point) => point.y)) * 1.05 || 1;
  const y = linearScale({ from: 0, to: top, start: HEIGHT - BOTTOM, end: TOP });
  const place = (point: { x: number; y: number }) => `${round(x.at(point.x))} ${round(y.at(point.y))}`;
  const line = (of: Series) => of.points.map(place).join("L");
  const band =
    low === undefined || high === undefined
      ? []
      : [
          element("path", {
            class: "area",
            d: `M${line(high)}L${low.points.map(place).reverse().join("L")}Z`,
          }),
        ];
  const fitted = law === undefined ? [] : [element("path", { class: "curve curve-b", d: `M${line(law)}` })];
  const dots = measured.points.map((point) =>
    element("circle", { class: "dot", cx: round(x.at(point.x)), cy: round(y.at(point.y)), r: 4.5 }),
  );
  return drawing("Capacity by generations at a time", [
    grid({ x, y, xUnit: measured.xUnit, yUnit: measured.yUnit }),
    axisName(`${measured.xName} (${measured.xUnit})`),
    ...band,
    ...fitted,
    ...dots,
  ]);
}

/** Realised over predicted changes with their intervals; on the diagonal a prediction came true. Undefined where none was measured. */
export function promiseChart(rows: readonly PredictionRow[]): Markup | undefined {
  const shown = rows.filter(({ realised, predicted }) => realised.value !== undefined && predicted.value !== undefined);
  if (shown.length === 0) return undefined;
  const ends = (of: Figure) => [of.value ?? 0, of.interval?.low ?? of.value ?? 0, of.interval?.high ?? of.value ?? 0];
  // One range for both axes, with no change in it, so that the diagonal is one.
  const all = [0, ...shown.flatMap(({ predicted, realised }) => [...ends(predicted), ...ends(realised)])];
  const margin = (Math.max(...all) - Math.min(...all)) * 0.05 || 0.01;
  const [from, to] = [Math.min(...all) - margin, Math.max(...all) + margin];
  const x = linearScale({ from, to, start: LEFT, end: WIDTH - RIGHT }, 8);
  const y = linearScale({ from, to, start: PROMISE_HEIGHT - BOTTOM, end: PROMISE_TOP });
  const diagonal = `M${round(x.at(from))} ${round(y.at(from))}L${round(x.at(to))} ${round(y.at(to))}`;
  const zero = `M${LEFT} ${round(y.at(0))}H${WIDTH - RIGHT}M${round(x.at(0))} ${PROMISE_TOP}V${PROMISE_HEIGHT - BOTTOM}`;
  return drawing(
    "Realised over predicted changes",
    [
      grid({ x, y, xUnit: "ratio", yUnit: "ratio" }, PROMISE_HEIGHT),
      element("path", { class: "zero", d: zero }),
      element("path", { class: "curve curve-b", d: diagonal }),
      axisName("predicted change", PROMISE_HEIGHT),
      element("text", { x: LEFT, y: TOP + 2, class: "axis-name" }, text("realised change")),
      ...shown.map((row) => promiseMark(row, x, y)),
    ],
    PROMISE_HEIGHT,
  );
}

const PROMISE_HEIGHT = 340;
/** Room for the name of the upright axis. */
const PROMISE_TOP = TOP + 12;

function promiseMark({ predicted, realised, verdict }: PredictionRow, x: Scale, y: Scale): Markup {
  const [cx, cy] = [round(x.at(predicted.value ?? 0)), round(y.at(realised.value ?? 0))];
  const across =
    predicted.interval && `M${round(x.at(predicted.interval.low))} ${cy}H${round(x.at(predicted.interval.high))}`;
  const up = realised.interval && `M${cx} ${round(y.at(realised.interval.low))}V${round(y.at(realised.interval.high))}`;
  const d = `${across ?? ""}${up ?? ""}`;
  return element(
    "g",
    {},
    ...(d === "" ? [] : [element("path", { class: "whisker fine", d })]),
    element("circle", { class: verdict === "kept" ? "dot" : "dot dot-open", cx, cy, r: 4 }),
  );
}
