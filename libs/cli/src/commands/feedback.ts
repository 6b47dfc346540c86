// `chimera feedback`: tells the evaluator what answers should have been, one by flags or many from a file.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { callEvaluator } from "../evaluator-client.ts";
import { CommandError, EXIT_CODES } from "../exit-code.ts";

interface FeedbackOptions {
  request?: string;
  output?: string;
  target?: string;
  url?: string;
}

interface Feedback {
  requestId: string;
  output: string;
  target: string;
}

/** The evaluator takes 1 to 1000 at a time. */
const BATCH = 500;
const FORM = '{"request_id":"…","output":"…","target":"intent=refund"}';

const EXAMPLES = `
Examples:
  chimera feedback answers.jsonl            one line per answer: ${FORM}
  chimera feedback --request 4f1c --output "intent=refund priority=low" --target "intent=refund"`;

export function feedbackCommand(surroundings: Surroundings): Command {
  return new Command("feedback")
    .summary("say what live answers should have been")
    .description("Sends reference answers for live requests; the evaluator scores them as they meet their requests.")
    .argument("[file]", "JSONL file of references")
    .option("--request <id>", "the request, as `chimera ask` shows it")
    .option("--output <text>", "what was answered")
    .option("--target <text>", "what would have been right")
    .option("--url <url>", "evaluator of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((file: string | undefined, options: FeedbackOptions) => feedback(file, options, surroundings));
}

async function feedback(file: string | undefined, options: FeedbackOptions, surroundings: Surroundings): Promise<void> {
  const all = file === undefined ? [fromFlags(options)] : await fromFile(resolve(surroundings.cwd, file), options);
  let taken = 0;
  for (let from = 0; from < all.length; from += BATCH) {
    const batch = { feedback: all.slice(from, from + BATCH) };
    const response = await callEvaluator(options.url, surroundings, (client, how) => client.recordFeedback(batch, how));
    taken += response.taken;
  }
  surroundings.terminal.out(`${taken} taken\n`);
}

function fromFlags({ request, output = "", target }: FeedbackOptions): Feedback {
  if (request !== undefined && target !== undefined) return { requestId: request, output, target };
  throw new CommandError("Name a file, or --request and --target. (--help shows what is possible)", EXIT_CODES.usage);
}

async function fromFile(path: string, { request }: FeedbackOptions): Promise<Feedback[]> {
  if (request !== undefined) throw new CommandError("Name a file or --request, not both.", EXIT_CODES.usage);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new CommandError(`${path} can not be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const lines = text.split("\n").map((line, at) => ({ line, place: `${path}, line ${at + 1}` }));
  const all = lines.flatMap(({ line, place }) => (line.trim() === "" ? [] : [parsedLine(line, place)]));
  if (all.length === 0) throw new CommandError(`${path} has no feedback.`);
  return all;
}

function parsedLine(line: string, place: string): Feedback {
  const row = objectOf(line);
  const { request_id: requestId, output = "", target } = row ?? {};
  if (typeof requestId === "string" && typeof output === "string" && typeof target === "string") {
    return { requestId, output, target };
  }
  throw new CommandError(`${place}: each line is an object such as ${FORM}`);
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
