// The report for people: one file that needs nothing else, without script, on screen and on paper.
import { createHash } from "node:crypto";
import type { Figure } from "../figure/figure.ts";
import type { Point, Series } from "../figure/series.ts";
import type { Risk } from "../risk/risk.ts";
import { curveChart, intervalChart } from "./charts.ts";
import {
  coordinate,
  element,
  type Markup,
  machineName,
  number,
  rule,
  sentence,
  time,
  trusted,
  wording,
} from "./markup.ts";
import { styleSheet } from "./style.ts";
import type { Report } from "./summary.ts";

const styleHash = createHash("sha256").update(styleSheet).digest("base64");

/** What a browser may do with the report: show it, with this style sheet and nothing else. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function renderHtml(report: Report): string {
  const head = element(
    "head",
    {},
    element("meta", { charset: "utf-8" }),
    element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    element("title", {}, "Chimera: executive summary"),
    trusted(`<style>${styleSheet}</style>`),
  );
  const body = element(
    "body",
    {},
    header(report),
    headline(report.headline),
    report.notes.map((note) => element("p", { class: "note" }, sentence(note))),
    ttftSection(report.ttftCurves),
    rateSection(report.rateCurves),
    qualitySection(report.figures),
    riskSection(report.risks),
    figureSection(report.figures),
  );
  return `<!doctype html>\n${element("html", { lang: "en" }, head, body)}\n`;
}

function header(report: Report): Markup {
  const { window, generatedAtMs, machine } = report;
  return element(
    "header",
    {},
    element("h1", {}, "Chimera: executive summary"),
    element("p", { class: "soft" }, "Window ", time(window.fromMs), " to ", time(window.toMs)),
    element("p", { class: "soft" }, "Written ", time(generatedAtMs)),
    machine === undefined ? [] : element("p", { class: "soft" }, "Machine ", machineName(machine)),
  );
}

function headline(figures: readonly Figure[]): Markup {
  const cards = figures.map((figure) =>
    element(
      "div",
      { class: "card" },
      element("dt", {}, wording(figure, "name")),
      element("dd", { class: "big" }, number(figure)),
      element("dd", { class: "small" }, figure.interval === undefined ? [] : number(figure, "interval")),
    ),
  );
  return element("dl", { class: "cards" }, ...cards);
}

function ttftSection(curves: readonly Series[]): Markup {
  return section("Time to first token", [curveSection(curves, curveChart(curves))]);
}

function rateSection(curves: readonly Series[]): Markup {
  return section("Requests per second", [curveSection(curves, curveChart(curves, { area: true }))]);
}

function curveSection(curves: readonly Series[], drawn: Markup | undefined): Markup {
  const legend = curves.map((curve, index) => element("li", {}, swatch("abc"[index] ?? "c"), wording(curve, "name")));
  return chart(drawn, [element("ul", { class: "legend" }, ...legend), ...curves.map((curve) => seriesTable(curve))]);
}

function qualitySection(figures: readonly Figure[]): Markup {
  const shares = figures.filter(
    (figure) => figure.id.startsWith("quality.") && figure.id !== "quality.gap_validation_holdout",
  );
  const measured = shares.filter((figure) => figure.value !== undefined);
  const rows = measured.map((figure) => [
    wording(figure, "name"),
    number(figure),
    number(figure, "interval"),
    number(figure, "n"),
  ]);
  const data = element(
    "details",
    {},
    element("summary", {}, "Data"),
    table([["Figure"], ["Value", "amount"], ["Interval", "amount"], ["n", "amount"]], rows),
  );
  return section("Quality", [chart(intervalChart(shares), [data])]);
}

function riskSection(risks: readonly Risk[]): Markup {
  const rows = risks.map((risk) => [
    risk.name,
    element("span", { class: `state state-${risk.state}` }, risk.state),
    sentence(risk.sign),
    rule(risk),
    risk.mitigation,
  ]);
  return section("Risks", [table([["Risk"], ["State"], ["Live sign"], ["Rule"], ["Mitigation"]], rows)]);
}

function figureSection(figures: readonly Figure[]): Markup {
  const rows = figures.map((figure) => [
    wording(figure, "name"),
    number(figure),
    figure.interval === undefined ? "" : number(figure, "interval"),
    number(figure, "n"),
    [
      wording(figure, "definition"),
      element("span", { class: "soft" }, wording(figure, "method"), ". From: ", wording(figure, "source"), "."),
    ],
  ]);
  const columns: Column[] = [
    ["Figure"],
    ["Value", "amount"],
    ["Interval", "amount"],
    ["n", "amount"],
    ["What it is", "what"],
  ];
  return section("All figures", [table(columns, rows)]);
}

function section(title: string, content: readonly Markup[]): Markup {
  return element("section", {}, element("h2", {}, title), ...content);
}

/** A plot with what belongs to it, or the statement that there is none. */
function chart(drawn: Markup | undefined, below: readonly Markup[]): Markup {
  if (drawn === undefined) return element("p", { class: "none" }, "No data in this window.");
  return element("figure", {}, drawn, ...below);
}

function seriesTable(series: Series): Markup {
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

type Cell = Markup | string | readonly (Markup | string)[];
type Column = readonly [title: string, style?: string];

function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
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

function swatch(curve: string): Markup {
  return element(
    "svg",
    { viewBox: "0 0 32 10", "aria-hidden": "true" },
    element("path", { class: `curve curve-${curve}`, d: "M0 5H32" }),
  );
}
