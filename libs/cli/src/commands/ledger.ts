// `chimera ledger`: what was promised, what came of it, and how good the promises are.
import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Figure,
  type LedgerEntry,
  type ListLedgerResponse,
  ListLedgerResponseSchema,
} from "@chimera/contracts/insight";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError } from "../exit-code.ts";
import { INSIGHT_TIMEOUT_MS, withInsight } from "../insight-client.ts";
import { changeText } from "../loop-text.ts";
import { integer } from "../parse.ts";
import { table } from "../terminal/table.ts";

interface LedgerOptions {
  limit?: number;
  json?: boolean;
  url?: string;
}

const EXAMPLES = `
Predicted changes have their 90 % interval, realised ones their 95 % interval; HELD says whether the second lies in the first. Every
record is tied to the one before it: where one does not fit, the command fails.

Examples:
  chimera ledger
  chimera ledger --limit 5 --json`;

export function ledgerCommand(surroundings: Surroundings): Command {
  return new Command("ledger")
    .summary("what was promised and what came of it")
    .description("Lists predictions, newest first, beside what was measured, and the score they add up to.")
    .option("--limit <n>", "at most so many; 100 where left out", integer(1, 2000))
    .option("--json", "print JSON")
    .option("--url <url>", "insight of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: LedgerOptions) => ledger(options, surroundings));
}

async function ledger({ limit = 0, json, url }: LedgerOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  const call = { signal: stopped, timeoutMs: INSIGHT_TIMEOUT_MS };
  const response = await withInsight(url, surroundings, (insight) => insight.listLedger({ limit }, call));
  const asJson = () => JSON.stringify(toJson(ListLedgerResponseSchema, response), undefined, 2);
  terminal.out(json ? `${asJson()}\n` : ledgerText(response));
  if (!response.isWhole) throw new CommandError(`The ledger does not fit together. ${response.text}`);
}

export function ledgerText({ entries, score, text }: ListLedgerResponse): string {
  if (entries.length === 0) return `Nothing was promised yet; see \`chimera recommend\`.\n${text}\n`;
  const header = ["ID", "MADE", "METRIC", "PREDICTED", "REALISED", "HELD", "VERDICT"];
  return `${table(header, entries.map(rowOf))}\n${score.map(scoreText).join("")}${text}\n`;
}

function rowOf({ prediction, madeAt, phase, outcome }: LedgerEntry): string[] {
  return [
    prediction?.predictionId ?? "",
    madeAt === undefined ? "" : new Date(timestampMs(madeAt)).toISOString().slice(0, 19),
    prediction?.metric ?? "",
    changeText(prediction?.relative, prediction?.interval90),
    changeText(outcome?.relative, outcome?.interval95),
    outcome?.relative === undefined ? "–" : outcome.within90 ? "yes" : "no",
    outcome?.verdict ?? phase,
  ];
}

function scoreText({ name, value, n, interval }: Figure): string {
  if (value === undefined) return "";
  const range = interval === undefined ? "" : ` (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`;
  return `${name}: ${value.toFixed(3)}${range}, n ${n}\n`;
}
