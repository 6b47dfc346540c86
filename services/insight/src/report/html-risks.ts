// The risks in the HTML report: their states at a glance, then each with its sign, its trend and what was done.
import type { PredictionRow } from "../ledger/summary.ts";
import { isRaised, type ReportedSign } from "../risk/guard-signs.ts";
import type { ReportedRisk } from "../risk/reported-risk.ts";
import type { RiskState } from "../risk/risk.ts";
import { type Cell, type Column, section, table } from "./html-parts.ts";
import { element, type Markup, number, sentence, worded, wording } from "./markup.ts";

/** For the first screen. */
export function riskStrip(risks: readonly ReportedRisk[]): Markup {
  return element(
    "ul",
    { class: "strip" },
    ...risks.map(({ name, state }) => element("li", {}, `${name} `, stateMark(state))),
  );
}

export function riskSection(risks: readonly ReportedRisk[]): Markup {
  const rows = risks.map((risk): Cell[] => [
    [risk.name, element("span", { class: "under" }, stateMark(risk.state))],
    [sentence(risk.sign), ...risk.signs.filter(isRaised).map(guardSign)],
    trend(risk),
    worded(risk.id, "rule", risk.rule),
    risk.mitigation,
    risk.done.length === 0 ? "nothing" : risk.done.map(deed),
  ]);
  const columns: Column[] = [
    ["Risk"],
    ["Live sign", "sign"],
    ["Trend", "trend"],
    ["Rule", "deeds"],
    ["Mitigation", "sign"],
    ["What was done", "deeds"],
  ];
  return section("Risks", [table(columns, rows)]);
}

function stateMark(state: RiskState): Markup {
  return element("span", { class: `state state-${state}` }, state);
}

function guardSign({ id, name, value, state, rule }: ReportedSign): Markup {
  return element(
    "span",
    { class: "under" },
    ...["guard: ", worded(id, "name", name), " ", number(value), `, ${state} (`, worded(id, "rule", rule), ")"],
  );
}

function trend({ trend: found }: ReportedRisk): Cell {
  if (found === undefined) return element("span", { class: "none" }, "no data");
  const { first, second } = found;
  return [
    number(first),
    " → ",
    number(second),
    element("span", { class: "under" }, wording(first, "name"), ", first and second half"),
  ];
}

function deed({ id, remedy, predicted, realised, verdict, phase }: PredictionRow): Markup {
  const came = realised.value === undefined ? [] : [", realised ", number(realised)];
  return element(
    "span",
    { class: "deed" },
    ...[worded(id, "remedy", remedy), ": predicted ", number(predicted), ...came, `, ${verdict ?? phase}`],
  );
}
