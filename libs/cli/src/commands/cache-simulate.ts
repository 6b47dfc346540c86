// `chimera cache simulate`: plays a trace through caches of several policies and sizes. Needs no mesh.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  createRequests,
  openTrace,
  parseSynthetic,
  SIMULATED_POLICIES,
  type SimulatedPolicy,
  type Simulation,
  type Size,
  simulate,
  simulationHtml,
  simulationJson,
  TRACE_FORMATS,
  type Trace,
  type TraceFormat,
} from "@chimera/cache/simulate";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../config.ts";
import { CommandError, EXIT_CODES } from "../exit-code.ts";
import { byteSize, decimal } from "../parse.ts";
import { sizeText } from "../terminal/figures.ts";
import { table } from "../terminal/table.ts";

interface SimulateOptions {
  trace?: string;
  format: TraceFormat | "auto";
  synthetic?: ReturnType<typeof parseSynthetic>;
  policy: SimulatedPolicy[];
  size: Size[];
  skip: number;
  json?: string;
  html?: string;
}

const DEFAULT_SIZES = "1%,5%,10%,25%";

const EXAMPLES = `
Formats of traces, one request a line, gzipped or not:
  mooncake, bailian   {"timestamp":0,"input_length":812,"output_length":95,"hash_ids":[46,47]}: the same list is the same prompt
  log                 RequestFinished events as JSON: cacheKey, usage and ttftMs are read
  jsonl               {"key":"a","prompt_tokens":812,"completion_tokens":95}, and bytes and ttft_ms where they are known
  azure               has no prompts, only lengths: refused, with what to use in its place

What a trace does not tell is modelled: 150 ms + 0.4 ms per prompt token to the first token, 150 bytes + 16 per completion token.
COMPUTE is the time that hits save at the engines: TTFT + 18 ms per completion token. BAR draws HITS, up to 100 %.

Examples:
  chimera cache simulate --trace conversation_trace.jsonl
  chimera cache simulate --trace requests.jsonl.gz --format log --policy s3-fifo,lru --size 64MiB,256MiB
  chimera cache simulate --synthetic zipf:alpha=0.9,uniques=0.3,drift=0.1,seed=1 --size 1%,5%,10% --html hits.html`;

export function cacheSimulateCommand(surroundings: Surroundings): Command {
  return new Command("simulate")
    .summary("what other policies and sizes would hit, on a trace")
    .description("Plays a trace through the cache's own policies, and through the best one that knows the future.")
    .option("--trace <file>", "the trace to play")
    .addOption(
      new Option("--format <format>", "its format; told from the first line where auto")
        .choices(["auto", ...TRACE_FORMATS])
        .default("auto"),
    )
    .addOption(
      new Option("--synthetic <formula>", "a trace by formula in its place, see the examples")
        .argParser(syntheticOption)
        .conflicts("trace"),
    )
    .addOption(
      new Option("--policy <names>", `of ${SIMULATED_POLICIES.join(", ")}`)
        .argParser(policies)
        .default([...SIMULATED_POLICIES], "all"),
    )
    .addOption(
      new Option("--size <sizes>", "bytes, or parts of all different answers")
        .argParser(sizes)
        .default(sizes(DEFAULT_SIZES), DEFAULT_SIZES),
    )
    .option("--skip <share>", "the first part of the trace, in which caches fill, is not counted", decimal(0, 0.9), 0.2)
    .option("--json <file>", "write the figures as JSON")
    .option("--html <file>", "write a page with a chart")
    .addHelpText("after", EXAMPLES)
    .action((options: SimulateOptions) => cacheSimulate(options, surroundings));
}

async function cacheSimulate(options: SimulateOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, clock, stopped, cwd } = surroundings;
  const { policy: policies, size: sizes, skip: warmUpShare } = options;
  const trace = traceOf(options, cwd);
  const simulation = await simulate({ trace, policies, sizes, warmUpShare, clock, signal: stopped });
  terminal.out(simulationText(simulation));
  if (options.json !== undefined) write(options.json, simulationJson(simulation));
  if (options.html !== undefined) write(options.html, simulationHtml(simulation));

  function write(path: string, text: string): void {
    writeFileSync(resolve(cwd, path), text);
    terminal.err(`${path} written\n`);
  }
}

function traceOf({ trace, format, synthetic }: SimulateOptions, cwd: string): Trace {
  if (trace !== undefined) return openTrace(resolve(cwd, trace), format === "auto" ? undefined : format);
  if (synthetic === undefined) throw new CommandError("Name a trace with --trace, or --synthetic.", EXIT_CODES.usage);
  return async function* () {
    yield* createRequests(synthetic);
  };
}

export function simulationText({ requests, uniqueBytes, outcomes }: Simulation): string {
  const rows = outcomes.map((outcome) => {
    const hits = outcome.hits / outcome.requests;
    return [
      sizeText(outcome.capacityBytes),
      outcome.policy,
      percent(hits),
      percent(outcome.hitBytes / outcome.bytes),
      percent(outcome.savedMs / outcome.computeMs),
      outcome.decisionUs.toFixed(1),
      bar(hits),
    ];
  });
  const header = ["SIZE", "POLICY", "HITS", "BYTES", "COMPUTE", "US", "BAR"];
  const counted = outcomes[0]?.requests ?? 0;
  return `${requests} requests, the last ${counted} counted; all different answers: ${sizeText(uniqueBytes)}\n\n${table(header, rows)}`;
}

const BAR_WIDTH = 40;

function bar(share: number): string {
  return "█".repeat(Math.round(BAR_WIDTH * (share || 0)));
}

function percent(share: number): string {
  return Number.isNaN(share) ? "–" : `${(100 * share).toFixed(1)} %`;
}

function syntheticOption(text: string): ReturnType<typeof parseSynthetic> {
  try {
    return parseSynthetic(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function policies(text: string): SimulatedPolicy[] {
  return list(text).map((name) => {
    const policy = SIMULATED_POLICIES.find((each) => each === name);
    if (policy === undefined) throw new InvalidArgumentError(`Give some of ${SIMULATED_POLICIES.join(", ")}.`);
    return policy;
  });
}

function sizes(text: string): Size[] {
  return list(text).map((size) => {
    const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(size)?.[1];
    if (share === undefined) return { bytes: byteSize(size) };
    if (!(Number(share) > 0 && Number(share) <= 100))
      throw new InvalidArgumentError("Give a part from above 0 to 100 %.");
    return { share: Number(share) / 100 };
  });
}

/** At most 16: each is a cache of its own. */
function list(text: string): string[] {
  const parts = [
    ...new Set(
      text
        .split(",")
        .map((part) => part.trim())
        .filter(Boolean),
    ),
  ];
  if (parts.length < 1 || parts.length > 16) throw new InvalidArgumentError("Give 1 to 16, with commas between.");
  return parts;
}
