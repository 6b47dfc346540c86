// `chimera guard`: how many looks at a holdout are left, the early signs of overfitting, and, where asked, how live traffic does.
import {
  type GuardSign,
  GuardStatusResponseSchema,
  type OnlineQualityResponse,
  OnlineQualityResponseSchema,
} from "@chimera/contracts/evaluator";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { jsonText } from "../eval-files.ts";
import { callEvaluator } from "../evaluator-client.ts";
import { table } from "../terminal/table.ts";
import { qualityCells } from "../tune-text.ts";

interface GuardOptions {
  dataset: string;
  online?: boolean;
  tenant: string;
  json?: boolean;
  url?: string;
}

const EXAMPLES = `
Examples:
  chimera guard
  chimera guard --json | jq '.signs[] | select(.state == "alarm")'
  chimera guard --online                    accuracy of live traffic by five minutes, and its drift
  chimera guard --online --tenant aster`;

export function guardCommand(surroundings: Surroundings): Command {
  return new Command("guard")
    .summary("looks left at the holdout, signs of overfitting, drift of live traffic")
    .description(
      "Shows what keeps a tuned configuration honest: the budget of looks, and every early sign with its rule.",
    )
    .option("--dataset <name>", "data set the evaluator has", "tickets")
    .option("--online", "quality and drift of live traffic instead")
    .option("--tenant <name>", "with --online: this tenant alone", "")
    .option("--json", "print JSON")
    .option("--url <url>", "evaluator of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: GuardOptions) => (options.online ? online(options, surroundings) : guard(options, surroundings)));
}

async function guard({ dataset, json, url }: GuardOptions, surroundings: Surroundings): Promise<void> {
  const status = await callEvaluator(url, surroundings, (client, options) => client.guardStatus({ dataset }, options));
  const { terminal } = surroundings;
  if (json) {
    terminal.out(jsonText(GuardStatusResponseSchema, status));
    return;
  }
  const { looksUsed, looksAllowed, signs, remedy } = status;
  terminal.out(
    `${status.dataset}: ${looksUsed} of ${looksAllowed} looks at the holdout are spent. ${remedy}\n\n${signsText(signs)}`,
  );
}

async function online({ tenant, json, url }: GuardOptions, surroundings: Surroundings): Promise<void> {
  const quality = await callEvaluator(url, surroundings, (client, options) =>
    client.onlineQuality({ tenant }, options),
  );
  surroundings.terminal.out(json ? jsonText(OnlineQualityResponseSchema, quality) : onlineText(quality));
}

function onlineText({ windows, drift }: OnlineQualityResponse): string {
  const rows = windows.map(({ from, n, feedbackShare, accuracy, macroF1 }) => [
    from,
    String(n),
    `${(100 * feedbackShare).toFixed(1)} %`,
    ...(accuracy ? qualityCells(accuracy) : ["–", "–"]),
    ...(macroF1 ? qualityCells(macroF1) : ["–", "–"]),
  ]);
  const header = ["FROM", "REQUESTS", "WITH FEEDBACK", "RIGHT", "95 % INTERVAL", "MACRO F1", "95 % INTERVAL"];
  const quality = rows.length === 0 ? "No live request was seen yet.\n" : table(header, rows);
  return `${quality}\n${signsText(drift)}`;
}

/** Alarms first; what to do is said where something is wrong, and the rule for all. */
function signsText(signs: readonly GuardSign[]): string {
  const order = ["alarm", "warning", "ok", "no data"];
  const sorted = signs.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const rows = sorted.map(({ name, state, value, unit, n }) => [
    state,
    name,
    value === undefined ? "–" : `${Number(value.toPrecision(3))}`,
    value === undefined ? "" : unit,
    String(n),
  ]);
  const notes = sorted.map(({ name, rule, state, mitigation }) => {
    const remedy = state === "alarm" || state === "warning" ? `\n    To do: ${mitigation}.` : "";
    return `  ${name}: ${rule}.${remedy}`;
  });
  return `${table(["STATE", "SIGN", "VALUE", "UNIT", "N"], rows)}\n${notes.join("\n")}\n`;
}
