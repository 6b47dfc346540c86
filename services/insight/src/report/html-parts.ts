// What the sections of the HTML report share: headings, tables, plots with their data.
import type { Point, Series } from "../figure/series.ts";
import { coordinate, element, type Markup, wording } from "./markup.ts";

export function section(title: string, content: readonly Markup[]): Markup {
  return element("section", {}, element("h2", {}, title), ...content);
}

/** A plot with what belongs to it, or the statement that there is none. */
export function chart(drawn: Markup | undefined, below: readonly Markup[]): Markup {
  if (drawn === undefined) return element("p", { class: "none" }, "No data in this window.");
  return element("figure", {}, drawn, ...below);
}

/** A plot of curves with its legend and the points behind it. */
export function curveSection(curves: readonly Series[], drawn: Markup | undefined): Markup {
  const entries = curves.map((curve, index): LegendEntry => [lineSwatch("abc"[index] ?? "c"), wording(curve, "name")]);
  return chart(drawn, [legend(entries), ...curves.map(seriesTable)]);
}

export type LegendEntry = readonly [swatch: Markup, name: Markup | string];

export function legend(entries: readonly LegendEntry[]): Markup {
  return element("ul", { class: "legend" }, ...entries.map((entry) => element("li", {}, ...entry)));
}

export function seriesTable(series: Series): Markup {
  const rows = series.points.flatMap((point, index) =>
    isListed(series, point) ? [[coordinate(series, index, "x"), coordinate(series, index, "y")]] : [],
  );
  return element(
    "details",
    {},
    element("summary", {}, "Data: ", wording(series, "name")),
    element("p", { class: "soft" }, wording(series, "definition")),
    table(
      [
        [series.xName, "amount"],
        [series.yName, "amount"],
      ],
      rows,
    ),
  );
}

/** A distribution is listed in steps of a twentieth and its tail in full; the JSON has every point that is drawn. */
function isListed(series: Series, point: Point): boolean {
  return series.yUnit !== "ratio" || point.y > 0.95 || Math.round(point.y * 100) % 5 === 0;
}

export type Cell = Markup | string | readonly (Markup | string)[];
export type Column = readonly [title: string, style?: string];

export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const styled = (index: number): Record<string, string> => {
    const style = columns[index]?.[1];
    return style === undefined ? {} : { class: style };
  };
  const head = columns.map(([title], index) => element("th", { scope: "col", ...styled(index) }, title));
  const lines = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, index) => element("td", styled(index), cell))),
  );
  return element(
    "div",
    { class: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines)),
  );
}

export function lineSwatch(curve: string): Markup {
  return swatch(element("path", { class: `curve curve-${curve}`, d: "M0 5H32" }));
}

export function swatch(mark: Markup): Markup {
  return element("svg", { viewBox: "0 0 32 10", "aria-hidden": "true" }, mark);
}
