// The report for people: one file that needs nothing else, without script, on screen and on paper.
import { createHash } from "node:crypto";
import type { Figure } from "../figure/figure.ts";
import type { Series } from "../figure/series.ts";
import type { CapacityCurves } from "../measure/capacity-curves.ts";
import { capacityChart, curveChart, intervalChart } from "./charts.ts";
import { adviceSection, ledgerSection } from "./html-loop.ts";
import {
  type Column,
  chart,
  curveSection,
  type LegendEntry,
  legend,
  lineSwatch,
  section,
  seriesTable,
  swatch,
  table,
} from "./html-parts.ts";
import { riskSection, riskStrip } from "./html-risks.ts";
import { element, type Markup, machineName, number, sentence, time, trusted, wording } from "./markup.ts";
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
    riskStrip(report.risks),
    report.notes.map((note) => element("p", { class: "note" }, sentence(note))),
    adviceSection(report.advice),
    riskSection(report.risks),
    ledgerSection(report.ledger, totalsOf(report.figures)),
    ttftSection(report.ttftCurves),
    rateSection(report.rateCurves),
    capacitySection(report.capacity),
    qualitySection(report.figures),
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

/** Only where a load was stepped up: a mesh that was not tested has no capacity to show. */
function capacitySection(curves: CapacityCurves | undefined): readonly Markup[] {
  if (curves === undefined) return [];
  const { measured, law, low, high } = curves;
  const listed = [measured, law, low, high].flatMap((each) => each ?? []);
  const entries: LegendEntry[] = [
    [swatch(element("circle", { class: "dot", cx: 16, cy: 5, r: 4.5 })), wording(measured, "name")],
    ...(law === undefined ? [] : [[lineSwatch("b"), wording(law, "name")] as const]),
    ...(low === undefined
      ? []
      : [[swatch(element("path", { class: "area", d: "M0 0H32V10H0Z" })), "its band"] as const]),
  ];
  return [section("Capacity", [chart(capacityChart(curves), [legend(entries), ...listed.map(seriesTable)])])];
}

function totalsOf(figures: readonly Figure[]): readonly Figure[] {
  return figures.filter(({ id }) => id.startsWith("total."));
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
