// The words after `npm run bench --`, and what is said where they are wrong.
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Benchmark } from "./benchmark.ts";

export interface BenchCommand {
  benchmark: Benchmark;
  quick: boolean;
  /** Absolute path of the JSON file. */
  json: string | undefined;
}

/** The command line is wrong; the message says what is right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  quick: { type: "boolean" },
  json: { type: "string" },
} as const;

/** "help" where help is asked for. Throws UsageError. */
export function parseCommandLine(args: readonly string[], benchmarks: readonly Benchmark[]): BenchCommand | "help" {
  const { values, positionals } = parse(args);
  if (values.help) return "help";
  const [name, ...extra] = positionals;
  const known = benchmarks.map((each) => each.name).join(", ");
  if (name === undefined) throw new UsageError(`Say which benchmark to run: ${known}.`);
  if (extra.length > 0) throw new UsageError(`One benchmark at a time; ${extra.join(" ")} is too much.`);
  const benchmark = benchmarks.find((each) => each.name === name);
  if (benchmark === undefined) throw new UsageError(`There is no benchmark ${name}. There are: ${known}.`);
  const json = values.json === undefined ? undefined : writable(resolve(values.json));
  return { benchmark, quick: values.quick ?? false, json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Found out before the minutes of measuring, not after. */
function writable(path: string): string {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    throw new UsageError(`--json ${path}: its folder is missing or can not be written.`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--json ${path} is a folder.`);
  return path;
}

export function helpText(benchmarks: readonly Benchmark[]): string {
  const width = Math.max(...benchmarks.map(({ name }) => name.length));
  return `Usage: npm run bench -- NAME [--quick] [--json FILE]

Benchmarks:
${benchmarks.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

Options:
  --quick      fewer observations; ends within a minute
  --json FILE  also writes {name, machine, commit, results: [{id, value, unit, n, interval, method}]}
  --help       this text

Examples:
  npm run bench -- mesh --quick
  npm run bench -- mesh --json mesh.json
  npm run bench -- cancel --quick --json cancel.json

Exit codes: 0 done, 1 it failed, 2 the command line is wrong, 130 ended by Ctrl-C.
`;
}
