// The same items through promptfoo, which many would take instead: its echo provider, the assert of equality, everything else off.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BenchContext } from "../benchmark.ts";
import { folderOf, provide, run } from "../door/install.ts";
import { ratioInterval, ratioOf, type Slice } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { recordedItems } from "./recorded-answers.ts";
import { scoreInProcess } from "./scoring.ts";

const VERSION = "0.123.1";
const INSTALL_TIMEOUT_MS = 900_000;
const EVAL_TIMEOUT_MS = 120_000;
const ITEMS = 2000;
const ROUNDS = 5;
const CONCURRENCY = 20;

/** Empty in quick mode, and where promptfoo can not be had. */
export async function promptfooResults(folder: string, context: BenchContext): Promise<BenchResult[]> {
  // Its rounds alone take longer than a quick run may.
  if (context.quick) {
    context.progress("promptfoo is compared in the full run alone");
    return [];
  }
  const program = await findPromptfoo(context);
  if (program === undefined) return [];
  const own = join(folder, "echo.jsonl");
  const theirs = join(folder, "promptfoo.json");
  writeItems(own, theirs);
  const slices: Slice[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ourS = await timed(context, () => scoreInProcess(own, ["exact_match"], context.signal));
    const theirS = await timed(context, () =>
      evaluateThere(program, { config: theirs, folder, signal: context.signal }),
    );
    context.progress(`${ITEMS} items: ${ourS.toFixed(2)} s, promptfoo ${theirS.toFixed(2)} s`);
    slices.push({ spent: theirS, got: ourS });
  }
  return [
    {
      id: "evaluator.speed_ratio_promptfoo",
      value: ratioOf(slices),
      unit: "ratio",
      n: slices.length,
      interval: ratioInterval(slices),
      method: `Items per second, ours ÷ promptfoo ${VERSION}: ${ITEMS} items whose answer equals the question, start of both processes included, in turns; theirs with the echo provider, assert equals, concurrency ${CONCURRENCY}, no cache, no table. Interval: percentile bootstrap over rounds.`,
    },
  ];
}

async function findPromptfoo({ progress }: BenchContext): Promise<string | undefined> {
  const folder = folderOf("promptfoo", VERSION);
  const fetch = async (into: string) => {
    writeFileSync(
      join(into, "package.json"),
      JSON.stringify({ name: "peer", private: true, dependencies: { promptfoo: VERSION } }),
    );
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: into,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
  };
  const isThere = await provide({ name: `promptfoo ${VERSION}`, folder, fetch }, { install: true, progress });
  if (!isThere) return undefined;
  const home = join(folder, "node_modules", "promptfoo");
  const { bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return join(home, typeof bin === "string" ? bin : bin.promptfoo);
}

function writeItems(own: string, theirs: string): void {
  const items = [...recordedItems(ITEMS, 2)];
  writeFileSync(
    own,
    items.map(({ id, input }) => JSON.stringify({ id, input, target: input, answer: input })).join("\n"),
  );
  const tests = items.map(({ input }) => ({ vars: { input }, assert: [{ type: "equals", value: input }] }));
  writeFileSync(theirs, JSON.stringify({ prompts: ["{{input}}"], providers: ["echo"], tests }));
}

interface Evaluation {
  config: string;
  folder: string;
  signal: AbortSignal;
}

/** Throws where it did not find every item right. */
async function evaluateThere(program: string, { config, folder, signal }: Evaluation): Promise<void> {
  const [out, home] = [join(folder, "promptfoo-out.json"), join(folder, "promptfoo-home")];
  mkdirSync(home, { recursive: true });
  const options = ["--no-cache", "--no-table", "--no-progress-bar", "--no-write", "-j", String(CONCURRENCY)];
  await promisify(execFile)(process.execPath, [program, "eval", "-c", config, "-o", out, ...options], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      PROMPTFOO_CONFIG_DIR: home,
      PROMPTFOO_DISABLE_TELEMETRY: "1",
      PROMPTFOO_DISABLE_UPDATE: "1",
    },
    signal,
    timeout: EVAL_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { successes } = JSON.parse(readFileSync(out, "utf8")).results.stats;
  if (successes !== ITEMS) throw new Error(`promptfoo found ${successes} of ${ITEMS} items right`);
}

async function timed({ clock }: BenchContext, work: () => Promise<unknown>): Promise<number> {
  const startedMs = clock.monotonicMs();
  await work();
  return (clock.monotonicMs() - startedMs) / 1000;
}
