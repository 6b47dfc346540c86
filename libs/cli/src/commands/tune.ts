// `chimera tune`: looks for better settings of prompt and sampling, and says what they promise. Changes nothing.
import { create } from "@bufbuild/protobuf";
import { EvaluateProgressSchema, type Trial, type TuneProgress, TuneResultSchema } from "@chimera/contracts/evaluator";
import { Command, InvalidArgumentError } from "commander";
import type { Surroundings } from "../config.ts";
import { parseWish, toConfiguration, type Wish } from "../eval-configuration.ts";
import { jsonText, writeText } from "../eval-files.ts";
import { followRun } from "../eval-run.ts";
import { decimal, integer } from "../parse.ts";
import { tuningHtml } from "../tune-html.ts";
import { settingsText, type Tuned, tuningText } from "../tune-text.ts";

interface TuneOptions {
  baseline: Wish;
  dataset: string;
  trials: number;
  items: number;
  concurrency: number;
  parameters: readonly string[];
  maxTtftP95?: number;
  maxTokens?: number;
  seed: number;
  run?: string;
  json?: string;
  html?: string;
  url?: string;
}

const EXAMPLES = `
Examples:
  chimera tune                                      30 trials over everything that can be moved
  chimera tune --parameters shots,temperature --trials 12 --items 100
  chimera tune --max-ttft-p95 400 --html tuning.html
  chimera tune --baseline '{"shots":4}'             is there something better than what is in use
  chimera tune --run spring --json proposal.json    can be broken off and gone on with

A run that was broken off goes on with --run and its id, at the same evaluator. Every proposal that comes to
the guard costs one look at the holdout; \`chimera guard\` shows how many are left.`;

export function tuneCommand(surroundings: Surroundings): Command {
  return new Command("tune")
    .summary("look for better settings, and prove them on items nobody tuned on")
    .description(
      "Tries settings on the validation split, measures the best ones anew, and asks the guard with one look at the holdout. Changes nothing.",
    )
    .option("--trials <n>", "settings to try", integer(1, 400), 30)
    .option("--items <n>", "items one trial is asked at most", integer(10, 5000), 200)
    .option("--parameters <list>", "what may move, with commas between; all where left out", names, [])
    .option("--max-ttft-p95 <ms>", "slower settings are no candidates", decimal(1, 600_000))
    .option(
      "--max-tokens <n>",
      "settings with more tokens an item, prompt and answer, are no candidates",
      decimal(1, 1_000_000),
    )
    .option("--baseline <json>", "what is in use; greedy and without examples where left out", parseWish, {})
    .option("--dataset <name>", "data set the evaluator has", "tickets")
    .option("--concurrency <n>", "requests in flight", integer(1, 64), 8)
    .option("--seed <n>", "another seed tries other settings", integer(0, 4_294_967_295), 1)
    .option("--run <id>", "name of the run; the same name goes on with it")
    .option("--json <file>", "write the result as JSON; - prints it instead of the tables")
    .option("--html <file>", "write trials, front and proposal as a page")
    .option("--url <url>", "evaluator of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: TuneOptions) => tune(options, surroundings));
}

function names(text: string): string[] {
  const list = text.split(",").map((name) => name.trim());
  if (list.every((name) => /^[a-z][a-z_]*$/.test(name))) return list;
  throw new InvalidArgumentError("Give names with commas between, such as shots,temperature.");
}

async function tune(options: TuneOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, cwd } = surroundings;
  const tuned = await search(options, surroundings);
  if (options.html !== undefined) writeText(options.html, cwd, tuningHtml(tuned));
  const json = jsonText(TuneResultSchema, tuned.result);
  if (options.json !== undefined && options.json !== "-") writeText(options.json, cwd, json);
  terminal.out(options.json === "-" ? json : tuningText(tuned));
}

async function search(options: TuneOptions, surroundings: Surroundings): Promise<Tuned> {
  const { terminal } = surroundings;
  const trials: Trial[] = [];
  const result = await followRun({
    url: options.url,
    title: `${options.dataset} trials`,
    surroundings,
    open: (client, signal) => client.tune(requestOf(options), { signal }),
    progressOf: ({ event }) => (event.case === "progress" ? barOf(event.value) : undefined),
    resultOf: ({ event }) => (event.case === "result" ? event.value : undefined),
    onEvent: async ({ event }) => {
      if (event.case === "trial") {
        trials.push(event.value);
        if (event.value.isBest) terminal.err(bestLine(event.value, surroundings));
      } else if (event.case === "progress" && !terminal.errIsTty) {
        terminal.err(`${event.value.text}\n`);
      }
    },
  });
  return { trials, result };
}

function requestOf(options: TuneOptions) {
  const { dataset, trials, items: itemsPerTrial, concurrency, parameters, seed } = options;
  return {
    ...{ dataset, trials, itemsPerTrial, concurrency, seed: BigInt(seed), runId: options.run ?? "" },
    parameters: [...parameters],
    baseline: toConfiguration(options.baseline),
    ...(options.maxTtftP95 !== undefined && { maxTtftP95Ms: options.maxTtftP95 }),
    ...(options.maxTokens !== undefined && { maxTokensPerItem: options.maxTokens }),
  };
}

function barOf({ trials, trialsTotal, runId }: TuneProgress) {
  return create(EvaluateProgressSchema, { done: trials, total: trialsTotal, runId });
}

function bestLine({ number, quality, configuration }: Trial, { terminal }: Surroundings): string {
  const share = `${(100 * (quality?.value ?? 0)).toFixed(1)} %`;
  const line = `  best so far: trial ${number}, ${share}, ${settingsText(configuration)}`;
  return `${terminal.errIsTty ? "\r\x1b[2K" : ""}${terminal.paintErr("dim", line)}\n`;
}
