// The sections of the HTML report on the loop: what to do next, and what came of what was done.
import type { Figure } from "../figure/figure.ts";
import type { LedgerSummary, PredictionRow } from "../ledger/summary.ts";
import type { Advice, Advised } from "./advice.ts";
import { promiseChart } from "./charts.ts";
import { type Cell, type Column, chart, section, table } from "./html-parts.ts";
import { element, type Markup, number, sentence, time, worded, wording } from "./markup.ts";
import { isHeld, metricNames, type PromisedGain } from "./promised-gain.ts";

export function adviceSection(advice: Advice | undefined): Markup {
  if (advice === undefined) {
    return section("Recommendations", [element("p", { class: "none" }, "No recommendations have been made yet.")]);
  }
  const { recommended, declined } = advice;
  const cards = recommended.map(adviceCard);
  const rows = declined.map(({ remedy, title, kind, why }): Cell[] => [
    worded(remedy, "title", title),
    kind,
    worded(remedy, "why", why),
  ]);
  return section("Recommendations", [
    cards.length === 0
      ? element("p", {}, "Nothing is recommended: no change is expected to gain enough.")
      : element("div", { class: "advice" }, ...cards),
    ...(rows.length === 0 ? [] : [table([["Not recommended"], ["Answer"], ["Why", "what"]], rows)]),
  ]);
}

function adviceCard({ remedy, title, gains }: Advised): Markup {
  const [first] = gains;
  if (first === undefined) return element("article", { class: "card" }, worded(remedy, "title", title));
  return element(
    "article",
    { class: "card" },
    element("h3", {}, worded(remedy, "title", title)),
    ...gains.map(promise),
    terms([
      ["Cost", worded(first.id, "cost", first.cost)],
      ["Holds", worded(first.id, "validity", first.validity)],
      ["Decided by", worded(first.id, "decisionRule", first.decisionRule)],
      ["Method", worded(first.id, "method", first.method)],
      ["Assumes", first.assumptions.flatMap((each, i) => [i === 0 ? "" : "; ", worded(first.id, "assumptions", each)])],
    ]),
  );
}

function promise({ id, metricName, predicted, predicted50, baseline }: PromisedGain): Markup {
  const { window } = baseline;
  return element(
    "div",
    { class: "promise" },
    element("p", { class: "soft" }, "Predicted, ", worded(id, "metricName", metricName)),
    element("p", { class: "big" }, number(predicted)),
    element(
      "p",
      { class: "small" },
      ...[predicted, predicted50].map((each) =>
        element("span", { class: "range" }, number(each, "level"), ": ", number(each, "interval")),
      ),
    ),
    element(
      "p",
      { class: "small" },
      ...["from ", number(baseline), ", n ", number(baseline, "n"), ", "],
      ...[time(window.fromMs), " to ", time(window.toMs)],
    ),
  );
}

function terms(entries: readonly (readonly [name: string, value: Cell])[]): Markup {
  return element(
    "dl",
    { class: "terms" },
    ...entries.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/** `totals`: what all changes together came to. */
export function ledgerSection(ledger: LedgerSummary | undefined, totals: readonly Figure[]): Markup {
  if (ledger === undefined) {
    return section("Predicted and realised", [element("p", { class: "none" }, "No ledger was read.")]);
  }
  const scores = [...ledger.figures, ...totals].map((figure): Cell[] => [
    wording(figure, "name"),
    number(figure),
    figure.interval === undefined ? "" : number(figure, "interval"),
    number(figure, "n"),
    wording(figure, "definition"),
  ]);
  return section("Predicted and realised", [
    element("p", {}, "Past predictions: ", sentence(ledger.judgement), "."),
    ...promisePlot(ledger.settled),
    ...predictionTables([...ledger.open, ...ledger.settled]),
    table([["Score"], ["Value", "amount"], ["Interval", "amount"], ["n", "amount"], ["What it is", "what"]], scores),
  ]);
}

/** What is under way and the newest outcomes at once, older ones where they are asked for, and on paper. */
function predictionTables(rows: readonly PredictionRow[]): readonly Markup[] {
  if (rows.length === 0) return [element("p", { class: "none" }, "No change has been predicted yet.")];
  const [newest, older] = [rows.slice(0, NEWEST), rows.slice(NEWEST)];
  const shown = (some: readonly PredictionRow[]) => table(predictionColumns, some.map(rowCells));
  if (older.length === 0) return [shown(newest)];
  return [
    shown(newest),
    element("details", { class: "older" }, element("summary", {}, "Older predictions"), shown(older)),
  ];
}

/** Rows that are shown without being asked for. */
const NEWEST = 6;

const predictionColumns: readonly Column[] = [
  ["Change", "change"],
  ["Predicted", "amount"],
  ["Realised", "amount"],
  ["n", "amount"],
  ["Verdict"],
  ["Why", "what"],
];

function promisePlot(settled: readonly PredictionRow[]): readonly Markup[] {
  const drawn = promiseChart(settled);
  if (drawn === undefined) return [];
  const words =
    "Each mark is a change: predicted across, realised upwards, both with intervals. Filled marks were kept. On the dashed line a prediction came true.";
  return [chart(drawn, [element("p", { class: "soft small" }, words)])];
}

function rowCells(row: PredictionRow): Cell[] {
  const { id, remedy, metric, phase, predicted, realised, verdict, reason, decisionRule } = row;
  const held = isHeld(row);
  const withInterval = (of: Figure): Markup[] => [
    number(of),
    ...(of.interval === undefined
      ? []
      : [element("span", { class: "under" }, number(of, "level"), ": ", number(of, "interval"))]),
  ];
  return [
    [
      worded(id, "remedy", remedy),
      ", ",
      worded(id, "metricName", metricNames[metric]),
      element("span", { class: "under" }, worded(id, "id", id)),
    ],
    withInterval(predicted),
    withInterval(realised),
    number(realised, "n"),
    [
      verdict ?? phase,
      ...(held === undefined ? [] : [element("span", { class: "under" }, held ? "interval held" : "interval missed")]),
    ],
    [
      ...(reason === undefined ? [] : [worded(id, "reason", reason)]),
      element("span", { class: "soft" }, "Rule: ", worded(id, "decisionRule", decisionRule)),
    ],
  ];
}
