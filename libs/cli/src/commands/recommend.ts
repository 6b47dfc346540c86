// `chimera recommend`: what could be done, each with what it would gain or why not. Changes nothing.
import { toJson } from "@bufbuild/protobuf";
import {
  type ListRecommendationsResponse,
  ListRecommendationsResponseSchema,
  type Recommendation,
} from "@chimera/contracts/insight";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { INSIGHT_TIMEOUT_MS, withInsight } from "../insight-client.ts";
import { promiseText } from "../loop-text.ts";
import { duration } from "../parse.ts";
import { table } from "../terminal/table.ts";

interface RecommendOptions {
  window?: number;
  json?: boolean;
  url?: string;
}

const EXAMPLES = `
Predictions are relative changes with their 90 % interval. They are stored before anything is changed, and held against what was
measured afterwards: \`chimera ledger\`. A recommendation can be applied for ten minutes.

Examples:
  chimera recommend                     from the last 15 minutes of traffic
  chimera recommend --window 6h
  chimera recommend --json | jq '.recommendations[0].id'`;

export function recommendCommand(surroundings: Surroundings): Command {
  return new Command("recommend")
    .summary("what could be done, with the gain that is expected")
    .description("Asks insight what would make the mesh faster or better, from the traffic it saw. Changes nothing.")
    .option("--window <time>", "traffic they are made from, at most 1d; 15m where left out", duration)
    .option("--json", "print JSON")
    .option("--url <url>", "insight of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: RecommendOptions) => recommend(options, surroundings));
}

async function recommend({ window, json, url }: RecommendOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  const call = { signal: stopped, timeoutMs: INSIGHT_TIMEOUT_MS };
  const windowS = Math.round((window ?? 0) / 1000);
  const response = await withInsight(url, surroundings, (insight) => insight.listRecommendations({ windowS }, call));
  const asJson = () => JSON.stringify(toJson(ListRecommendationsResponseSchema, response), undefined, 2);
  terminal.out(json ? `${asJson()}\n` : recommendationsText(response));
}

export function recommendationsText({ recommendations, mode }: ListRecommendationsResponse): string {
  const rows = recommendations.map(({ remedy, state, predictions: [first] }) => [
    remedy,
    state,
    first === undefined ? "–" : promiseText(first),
    first?.cost ?? "–",
  ]);
  const overview = table(["REMEDY", "STATE", "EXPECTED", "COST"], rows);
  const details = recommendations.map((each) => (each.id === "" ? declinedText(each) : recommendedText(each)));
  return `${overview}\n${details.join("\n")}\nMode: ${mode}. Apply one with \`chimera apply ID\`.\n`;
}

function declinedText({ remedy, reason }: Recommendation): string {
  return `${remedy}: ${reason}\n`;
}

function recommendedText({ id, title, change, undo, proof, predictions }: Recommendation): string {
  const [first] = predictions;
  const lines = [
    `${title}`,
    `  id         ${id}`,
    ...predictions.map(
      (each) => `  expected   ${promiseText(each)}, from ${each.baseline.toPrecision(4)} (n ${each.baselineN})`,
    ),
    `  change     ${change}`,
    `  undo       ${undo}`,
    `  proof      ${proof}`,
    ...(first === undefined
      ? []
      : [
          `  decided by ${first.decisionRule}`,
          `  method     ${first.method}`,
          `  holds for  ${first.validity}`,
          ...first.assumptions.map((each) => `  assumes    ${each}`),
        ]),
  ];
  return `${lines.join("\n")}\n`;
}
