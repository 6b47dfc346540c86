// `chimera eval`: a labelled data set through the mesh, scored, with intervals.
import { type EvaluateResult, EvaluateResultSchema } from "@chimera/contracts/evaluator";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { datasetOf } from "../dataset-file.ts";
import { toConfiguration, type Wish } from "../eval-configuration.ts";
import { jsonText, openItemFile, writeText } from "../eval-files.ts";
import { evaluationHtml } from "../eval-html.ts";
import { followRun } from "../eval-run.ts";
import { evaluationText } from "../eval-text.ts";
import { decimal, integer } from "../parse.ts";

interface EvalOptions extends Omit<Wish, "name"> {
  dataset: string;
  split: string;
  limit: number;
  concurrency: number;
  repeats: number;
  cache?: boolean;
  scorer?: string[];
  judge?: string;
  judgeModel?: string;
  run?: string;
  out?: string;
  json?: string;
  html?: string;
  url?: string;
}

const EXAMPLES = `
Examples:
  chimera eval                                        the holdout of the tickets that ship with the mesh
  chimera eval --split validation --limit 200
  chimera eval --shots 4 --select similar             four solved tickets before each
  chimera eval --temperature 0.7 --repeats 5          how much answers vary
  chimera eval --run nightly --out items.jsonl        can be broken off and gone on with
  chimera eval --dataset my-tests.csv --split validation
                                                      a file of yours: JSONL, CSV, tests of promptfoo,
                                                      samples of Inspect, logs of lm-evaluation-harness
  chimera eval --split validation --judge "polite, and says what happens next"
  chimera eval --json result.json --html report.html

A run that was broken off goes on with --run and its id, at whichever evaluator. Settings that a holdout has not
seen yet cost one look at it (\`chimera guard\`); validation is free.`;

export function evalCommand(surroundings: Surroundings): Command {
  return new Command("eval")
    .summary("score the mesh on a labelled data set")
    .description("Asks every item of a data set through the router and prints the scores with their intervals.")
    .option("--dataset <name>", "data set the evaluator has, or a file with one", "tickets")
    .option("--split <name>", "train, validation or holdout", "holdout")
    .option("--limit <n>", "at most this many items, always the same ones; 0 is all", integer(0, 100_000), 0)
    .option("--concurrency <n>", "requests in flight", integer(1, 64), 8)
    .option("--repeats <n>", "times each item is asked", integer(1, 16), 1)
    .option("--cache", "let answers come from the cache")
    .option("--scorer <names...>", "scorers; those that fit the data set where left out")
    .option("--judge <criteria>", "have a model grade the answers by these words, beside the other scores")
    .option("--judge-model <id>", "model that judges; the only one of the mesh where left out")
    .option("--model <id>", "model; the only one of the mesh where left out")
    .option("--temperature <t>", "0 is greedy, and the default", decimal(0, 2))
    .option("--top-p <p>", "nucleus mass", decimal(0.01, 1))
    .option("--seed <n>", "makes sampling repeatable", integer(0, 4_294_967_295))
    .option("--max-tokens <n>", "most tokens of an answer; 16 where left out", integer(1, 1_000_000))
    .option("--template <name>", "plain, desk, instruction or labels")
    .option("--shots <n>", "solved examples before each item", integer(0, 16))
    .option("--select <how>", "which examples: fixed, similar or diverse")
    .option("--votes <n>", "answers drawn per item; the most frequent counts", integer(1, 9))
    .option("--run <id>", "name of the run; the same name goes on with it")
    .option("--out <file>", "write every item's result into this JSONL file")
    .option("--json <file>", "write the result as JSON; - prints it instead of the tables")
    .option("--html <file>", "write the result as a page")
    .option("--url <url>", "evaluator of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: EvalOptions) => evaluate(options, surroundings));
}

async function evaluate(options: EvalOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, cwd } = surroundings;
  const items = options.out === undefined ? undefined : await openItemFile(options.out, cwd);
  const result = await play(options, surroundings, items?.write).finally(() => items?.close());
  if (options.html !== undefined) writeText(options.html, cwd, evaluationHtml(result));
  const json = jsonText(EvaluateResultSchema, result);
  if (options.json !== undefined && options.json !== "-") writeText(options.json, cwd, json);
  terminal.out(options.json === "-" ? json : evaluationText(result));
}

/** The judge stands beside other scorers: alone it would decide what counts as right. */
function scoringOf({ scorer, judge, judgeModel }: EvalOptions) {
  if (judge === undefined) return { scorers: scorer ?? [] };
  const parameters = { criteria: judge, ...(judgeModel !== undefined && { model: judgeModel }) };
  return {
    scorers: [...(scorer ?? ["exact_match"]), "judge"],
    scorerParameters: { judge: JSON.stringify(parameters) },
  };
}

type OnItem = Awaited<ReturnType<typeof openItemFile>>["write"];

function play(options: EvalOptions, surroundings: Surroundings, onItem: OnItem | undefined): Promise<EvaluateResult> {
  const { split, limit, concurrency, repeats } = options;
  const dataset = datasetOf(options.dataset, { url: options.url, surroundings });
  const { model = "", sampling, prompt } = toConfiguration(options);
  const request = {
    ...{ dataset, split, limit, concurrency, repeats, model },
    ...(sampling && { sampling }),
    ...(prompt && { prompt }),
    useCache: options.cache ?? false,
    ...scoringOf(options),
    runId: options.run ?? "",
    sendItems: onItem !== undefined,
  };
  return followRun({
    url: options.url,
    title: `${dataset} ${split}`,
    surroundings,
    open: (client, signal) => client.evaluate(request, { signal }),
    progressOf: ({ event }) => (event.case === "progress" ? event.value : undefined),
    resultOf: ({ event }) => (event.case === "result" ? event.value : undefined),
    onEvent: async ({ event }) => {
      if (event.case === "item") await onItem?.(event.value);
    },
  });
}
