// `chimera compare`: two configurations on the same items, and whether they can be told apart.
import { CompareResultSchema } from "@chimera/contracts/evaluator";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { parseWish, toConfiguration, type Wish } from "../eval-configuration.ts";
import { jsonText, writeText } from "../eval-files.ts";
import { comparisonHtml } from "../eval-html.ts";
import { followRun } from "../eval-run.ts";
import { comparisonText } from "../eval-text.ts";
import { decimal, integer } from "../parse.ts";

interface CompareOptions {
  baseline: Wish;
  candidate: Wish;
  dataset: string;
  split: string;
  limit: number;
  concurrency: number;
  stopAt?: number;
  run?: string;
  json?: string;
  html?: string;
  url?: string;
}

const EXAMPLES = `
Examples:
  chimera compare --candidate '{"shots":4}'                          do four solved tickets help
  chimera compare --baseline '{"temperature":0}' --candidate '{"temperature":0.7,"votes":5}'
  chimera compare --candidate '{"template":"desk"}' --stop-at 0.95   end as soon as it is clear
  chimera compare --candidate '{"shots":4,"select":"diverse"}' --split validation --html report.html

A configuration may name: model, temperature, topP, topK, minP, repetitionPenalty, seed, maxTokens, template, shots, select, votes.`;

export function compareCommand(surroundings: Surroundings): Command {
  return new Command("compare")
    .summary("tell whether one configuration is better than another")
    .description(
      "Asks every item with both configurations, one right after the other, and prints the differences with intervals.",
    )
    .option("--baseline <json>", "what is in use; greedy and without examples where left out", parseWish, {})
    .requiredOption("--candidate <json>", "what may replace it", parseWish)
    .option("--dataset <name>", "data set the evaluator has", "tickets")
    .option("--split <name>", "train, validation or holdout", "validation")
    .option("--limit <n>", "at most this many items, always the same ones; 0 is all", integer(0, 100_000), 0)
    .option("--concurrency <n>", "requests in flight", integer(1, 64), 8)
    .option("--stop-at <level>", "end as soon as a confidence sequence at this level is clear", decimal(0.51, 0.999))
    .option("--run <id>", "name of the run; the same name goes on with it")
    .option("--json <file>", "write the result as JSON; - prints it instead of the tables")
    .option("--html <file>", "write the result as a page")
    .option("--url <url>", "evaluator of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: CompareOptions) => compare(options, surroundings));
}

async function compare(options: CompareOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, cwd } = surroundings;
  const { dataset, split, limit, concurrency } = options;
  const request = {
    ...{ dataset, split, limit, concurrency },
    baseline: toConfiguration(options.baseline),
    candidate: toConfiguration(options.candidate),
    runId: options.run ?? "",
    stopAtLevel: options.stopAt ?? 0,
  };
  const result = await followRun({
    url: options.url,
    title: `${dataset} ${split}`,
    surroundings,
    open: (client, signal) => client.compare(request, { signal }),
    progressOf: ({ event }) => (event.case === "progress" ? event.value : undefined),
    resultOf: ({ event }) => (event.case === "result" ? event.value : undefined),
  });
  if (options.html !== undefined) writeText(options.html, cwd, comparisonHtml(result));
  const json = jsonText(CompareResultSchema, result);
  if (options.json !== undefined && options.json !== "-") writeText(options.json, cwd, json);
  terminal.out(options.json === "-" ? json : comparisonText(result));
}
